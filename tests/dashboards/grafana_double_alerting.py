"""The alerting part of Grafana's stand-in: groups of rules, contact points, the policy tree.

Rules without another page named are from the "Alerting provisioning HTTP API" of 11.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, Any]
Thing = dict[str, Any]
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
DURATION = re.compile(r"0|((\d+)(ms|[smhdwy]))+")
REDACTED = "[REDACTED]"
# Required of a ProvisionedAlertRule.
REQUIRED = ("title", "condition", "data", "execErrState", "folderUID", "for", "noDataState")
# "Configure contact points": what each kind must have, and what is never shown again.
KINDS = {"email": ("addresses",), "webhook": ("url",)}
SECRETS = ("password", "authorization_credentials")
OPERATORS = ("=", "!=", "=~", "!~")


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Alerting:
    groups: dict[tuple[str, str], Thing] = field(default_factory=dict)
    points: dict[str, Thing] = field(default_factory=dict)
    # The tree of a fresh Grafana.
    tree: Thing = field(
        default_factory=lambda: {
            "receiver": "grafana-default-email",
            "group_by": ["grafana_folder", "alertname"],
        }
    )

    def answer(
        self, method: str, path: str, body: Any, open_to_edit: bool, folders: dict[str, Any]
    ) -> Answer:
        provenance = "" if open_to_edit else "api"
        parts = path.split("/")
        try:
            if parts[0] == "folder" and parts[2] == "rule-groups":
                return self._group(method, parts[1], "/".join(parts[3:]), body, provenance, folders)
            if parts[0] == "contact-points":
                return self._points(method, parts[1] if parts[1:] else "", body, provenance)
            if parts == ["policies"]:
                return self._policies(method, body, provenance)
        except Refused as refused:
            return refused.status, {"message": refused.message}
        return 404, {"message": "Not found"}

    # Rules

    def _group(
        self, method: str, folder: str, name: str, body: Any, provenance: str, folders: Thing
    ) -> Answer:
        held = self.groups.get((folder, name))
        if method == "GET":
            if held is None:
                raise Refused(404, "rule group not found")
            return 200, held
        if folder not in folders:
            raise Refused(404, "folder not found")
        if not 0 < len(name) <= 190:
            raise Refused(400, "a group's name has 1 to 190 characters")
        interval = body.get("interval")
        # "Alert rule evaluation": a multiple of the scheduler's 10 s.
        if not isinstance(interval, int) or interval <= 0 or interval % 10:
            raise Refused(400, f"interval ({interval}) should be non-zero and divided by 10")
        rules = body.get("rules") or []
        for rule in rules:
            check_rule(rule)
        self._check_others(rules, folder, name)
        # "Use configuration files to provision": only their source changes provisioned rules.
        for one in held["rules"] if held else ():
            if one["provenance"] not in ("", provenance):
                raise Refused(
                    409, f"cannot change provenance from '{one['provenance']}' to '{provenance}'"
                )
        known = {one["uid"]: one["id"] for one in held["rules"]} if held else {}
        self.groups[folder, name] = {
            "title": name,
            "folderUid": folder,
            "interval": interval,
            "rules": [
                {
                    **as_kept(rule),
                    "folderUID": folder,
                    "ruleGroup": name,
                    "id": known.get(rule["uid"], at + 1),
                    "updated": "2026-11-24T08:00:00Z",
                    "provenance": provenance,
                }
                for at, rule in enumerate(rules)
            ],
        }
        return 200, self.groups[folder, name]

    def _check_others(self, rules: list[Thing], folder: str, name: str) -> None:
        others = [
            rule for at, of in self.groups.items() if at != (folder, name) for rule in of["rules"]
        ]
        every = [*others, *rules]
        uids = [rule["uid"] for rule in every]
        if len(uids) != len(set(uids)):
            raise Refused(409, "rule UID under the same organisation should be unique")
        # Since 11.? titles are unique in a group; before, in a folder: the stricter of the two.
        titles = [rule["title"] for rule in every if rule["folderUID"] == folder]
        if len(titles) != len(set(titles)):
            raise Refused(409, "rule title under the same folder should be unique")

    # Contact points

    def _points(self, method: str, uid: str, body: Any, provenance: str) -> Answer:
        if method == "GET":
            return 200, [shown(one) for one in self.points.values()]
        check_point(body)
        if method == "POST":
            uid = body.get("uid", "")
            if not UID.fullmatch(uid):
                raise Refused(400, "uid is missing or invalid")
            if uid in self.points:
                raise Refused(400, "contact point with this uid already exists")
        held = self.points.get(uid)
        if method == "PUT":
            if held is None:
                raise Refused(404, "contact point not found")
            if held["provenance"] not in ("", provenance):
                raise Refused(403, f"cannot change provenance from '{held['provenance']}'")
        kept = {
            key: held["settings"][key] if held and value == REDACTED else value
            for key, value in body["settings"].items()
        }
        self.points[uid] = {**body, "uid": uid, "settings": kept, "provenance": provenance}
        return 202, {"message": "contactpoint updated"}

    # Policy tree

    def _policies(self, method: str, body: Any, provenance: str) -> Answer:
        if method == "GET":
            return 200, self.tree
        if self.tree.get("provenance", "") not in ("", provenance):
            raise Refused(403, "cannot change the provenance of the policy tree")
        # "Notification policies": the root takes everything, and has a contact point.
        if not body.get("receiver"):
            raise Refused(400, "root route must specify a default receiver")
        if any(body.get(key) for key in ("matchers", "object_matchers", "match", "match_re")):
            raise Refused(400, "root route must not have any matchers")
        receivers = {one["name"] for one in self.points.values()} | {"grafana-default-email"}
        check_route(body, receivers)
        kept = {k: v for k, v in body.items() if k != "provenance"}
        self.tree = kept | ({"provenance": provenance} if provenance else {})
        return 202, {"message": "policies updated"}


def check_rule(rule: Thing) -> None:
    missing = [key for key in REQUIRED if not rule.get(key)]
    if missing:
        raise Refused(400, f"invalid alert rule: {', '.join(missing)} missing")
    if not UID.fullmatch(rule.get("uid", "")):
        raise Refused(400, "invalid alert rule: uid is longer than 40 characters, or has others")
    if len(rule["title"]) > 190:
        raise Refused(400, "invalid alert rule: name length should not be greater than 190")
    if rule.get("orgID") != 1:
        raise Refused(400, "invalid alert rule: no organisation is found")
    if rule["noDataState"] not in ("OK", "NoData", "Alerting", "KeepLast"):
        raise Refused(400, f"unknown NoData state option {rule['noDataState']}")
    if rule["execErrState"] not in ("OK", "Error", "Alerting", "KeepLast"):
        raise Refused(400, f"unknown Error state option {rule['execErrState']}")
    if not DURATION.fullmatch(rule["for"]):
        raise Refused(400, f"not a valid duration string: {rule['for']!r}")
    refs = [one.get("refId") for one in rule["data"]]
    if rule["condition"] not in refs or len(refs) != len(set(refs)):
        raise Refused(400, "invalid alert rule: the condition is no query of it, or refs repeat")
    for one in rule["data"]:
        check_query(one, refs)
    # "Annotations and labels": a label's value is text.
    for words in (rule.get("labels", {}), rule.get("annotations", {})):
        if not all(isinstance(value, str) for value in words.values()):
            raise Refused(400, "labels and annotations are texts")
    if ("__panelId__" in rule.get("annotations", {})) > (
        "__dashboardUid__" in rule.get("annotations", {})
    ):
        raise Refused(400, "cannot have Panel ID without a Dashboard UID")


def check_query(query: Thing, refs: list[Any]) -> None:
    if not query.get("datasourceUid") or not isinstance(query.get("model"), dict):
        raise Refused(400, f"query {query.get('refId')}: no data source, or no model")
    if query["datasourceUid"] == "__expr__":
        if query["model"].get("expression") not in refs:
            raise Refused(400, f"expression {query['refId']} is of no query")
        return
    span = query.get("relativeTimeRange") or {}
    # AlertQuery: begins before it ends.
    if not span.get("from", 0) > span.get("to", 0):
        raise Refused(400, f"invalid relative time range: {span}")


def as_kept(rule: Thing) -> Thing:
    """With what Grafana puts in: limits of each query, and members of its own that say nothing."""
    data = [
        one
        | {"queryType": "", "model": {"intervalMs": 1000, "maxDataPoints": 43200} | one["model"]}
        for one in rule["data"]
    ]
    return {"keep_firing_for": "0s", "notification_settings": None, "record": None} | (
        rule | {"data": data}
    )


def check_point(point: Thing) -> None:
    if not point.get("name"):
        raise Refused(400, "contact point has no name")
    if point.get("type") not in KINDS:
        raise Refused(400, f"unknown contact point type {point.get('type')!r}")
    settings = point.get("settings")
    if not isinstance(settings, dict):
        raise Refused(400, "settings should not be empty")
    for key in KINDS[point["type"]]:
        if not settings.get(key):
            raise Refused(400, f"required field '{key}' is not specified")
    if settings.get("authorization_credentials") and settings.get("username"):
        raise Refused(400, "both HTTP Basic Authentication and Authorization Header are set")


def shown(point: Thing) -> Thing:
    settings = {k: REDACTED if k in SECRETS and v else v for k, v in point["settings"].items()}
    return point | {"settings": settings}


def check_route(route: Thing, receivers: set[str]) -> None:
    if route.get("receiver") and route["receiver"] not in receivers:
        raise Refused(400, f"receiver '{route['receiver']}' does not exist")
    by = route.get("group_by") or []
    if len(by) != len(set(by)):
        raise Refused(400, "duplicated label in group_by")
    for key in ("group_wait", "group_interval", "repeat_interval"):
        if key in route and not DURATION.fullmatch(route[key]):
            raise Refused(400, f"not a valid duration string: {route[key]!r}")
    for matcher in route.get("object_matchers") or []:
        if len(matcher) != 3 or matcher[1] not in OPERATORS:
            raise Refused(400, f"unsupported matcher {matcher}")
    for one in route.get("routes") or []:
        check_route(one, receivers)
