// Grafana's published types as a board's JSON must satisfy them. The boards' tests put literals after
// this text, so that a property no type knows is an error, too.
import type * as d from "SCHEMA/raw/dashboard/x/dashboard_types.gen";
import type * as geomap from "SCHEMA/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen";
import type * as stat from "SCHEMA/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as states from "SCHEMA/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "SCHEMA/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as text from "SCHEMA/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type * as series from "SCHEMA/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// An enum of strings as JSON writes it.
type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer U>
      ? Array<Json<U>>
      : T extends object
        ? { [K in keyof T]: Json<T[K]> }
        : T;

// A plugin fills in its defaults for what options leave out, so each of them may be absent.
type Deep<T> = T extends Array<infer U> ? Array<Deep<U>> : T extends object ? { [K in keyof T]?: Deep<T[K]> } : T;

type Settings<Custom> = Omit<Json<d.FieldConfig>, "custom" | "thresholds"> & {
  custom?: Deep<Json<Custom>>;
  // null stands for minus infinity, which JSON cannot write: the first step of every threshold.
  thresholds?: { mode: `${d.ThresholdsMode}`; steps: Array<{ value: number | null; color: string }> };
};

// One setting of an override: its id is a path into the settings of the panel's kind.
type Property<Custom> =
  | { [K in keyof Settings<Custom>]-?: { id: K; value: NonNullable<Settings<Custom>[K]> } }[keyof Settings<Custom>]
  | { [K in keyof Custom & string]-?: { id: `custom.${K}`; value: NonNullable<Deep<Json<Custom[K]>>> } }[keyof Custom & string];

type Kind<Type extends string, Options, Custom> = Omit<Json<d.Panel>, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options?: Deep<Json<Options>>;
  targets?: Target[];
  fieldConfig?: {
    defaults: Settings<Custom>;
    overrides: Array<{ matcher: d.MatcherConfig; properties: Array<Property<Custom>> }>;
  };
};

// Grafana publishes no type of these two queries for 11.6; these are what their editors write.
type Flux = { refId: string; datasource: { type: "influxdb"; uid: string }; query: string };
type Sql = {
  refId: string;
  datasource: { type: "grafana-postgresql-datasource"; uid: string };
  format: "table" | "time_series";
  rawQuery: true;
  editorMode: "code";
  rawSql: string;
};
type Target = Flux | Sql;

export type StatPanel = Kind<"stat", stat.Options, {}>;
export type TablePanel = Kind<"table", table.Options, table.FieldConfig>;
export type TimeseriesPanel = Kind<"timeseries", series.Options, series.FieldConfig>;
export type StateTimelinePanel = Kind<"state-timeline", states.Options, states.FieldConfig>;
export type GeomapPanel = Kind<"geomap", geomap.Options, {}>;
export type TextPanel = Kind<"text", text.Options, {}>;
export type RowPanel = Omit<Json<d.RowPanel>, "panels"> & { panels: [] };

// `auto…` belong to variables of intervals; the SDK writes them for all.
export type Variable = Json<d.VariableModel> & { auto?: boolean; auto_min?: string; auto_count?: number };
// Of another source than Grafana itself the target is a query of that source.
export type Annotation = Omit<Json<d.AnnotationQuery>, "target"> & { target: Omit<Sql, "datasource"> };
export type Board = Omit<Json<d.Dashboard>, "panels" | "templating" | "annotations"> & {
  panels: []; templating: { list: [] }; annotations: { list: [] };
};
