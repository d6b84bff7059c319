"""Pages of soil and samples over HTTP: risk and its reasons, a plot over time, both languages."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient

from console import create_app
from network.views import groundwater_view, soil_view
from registry import open_registry
from registry.samples import add_samples
from schemas import CITY_TIME, StationId
from schemas.samples import Result, Sample, SampleMedium
from tests.console.conftest import HOSTILE, City

PLOT, WELL = "st-plot-songgang-plating", "st-well-songgang"
PAGES = ["/soil", "/soil?district=pingshan", "/soil?land_use=orchard", f"/plots/{PLOT}"]
PAGES += ["/soil?district=luohu&land_use=paddy", f"/plots/{WELL}", "/plots/st-plot-meisha-park"]
PAGES += ["/plots/st-soil-fenghuang", "/plots/st-plot-maluan-orchard", "/plots/st-river-loucun"]


@pytest.fixture(scope="module")
def client(city: City) -> Iterator[TestClient]:
    with TestClient(create_app(store_url=city.store_url, registry_url=city.registry_url)) as opened:
        yield opened


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_both_languages(
    client: TestClient, path: str, language: str
) -> None:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in answer.text
    assert 'style="' not in answer.text, "the content security policy forbids inline style"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/soil?district=nowhere", 404),
        ("/soil?land_use=meadow", 422),
        ("/soil.csv?district=maozhou", 404),
        ("/plots/nowhere", 404),
        ("/plots/st-noise-dongmen", 404),
        ("/api/soil?land_use=meadow", 422),
        ("/api/groundwater?district=nowhere", 404),
        ("/api/samples?medium=fire", 422),
        ("/api/samples?limit=0", 422),
        ("/api/samples?since=yesterday", 422),
    ],
)
def test_mistakes_are_told(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_the_board_counts_the_plots_by_risk(client: TestClient, city: City) -> None:
    text = client.get("/?lang=en").text
    view = soil_view(registry=open_registry(city.registry_url), now=city.now)
    shown = dict(re.findall(r"<span>(Above \w+|Within \w+|Not \w+)</span><b>(\d+)</b>", text))
    words = {
        "high": "Above intervention",
        "between": "Above screening",
        "low": "Within screening",
        "none": "Not assessable",
    }
    assert shown == {words[c.standing]: str(c.plots) for c in view.counts if c.plots}
    assert f"Newest sample {view.newest}" in text
    assert "No samples yet" not in text


def test_a_place_without_sensors_is_no_silent_station(client: TestClient) -> None:
    board = client.get("/api/board").json()
    soil = next(m for m in board["mediums"] if m["medium"] == "soil")
    assert soil["stations"] == 4
    assert PLOT not in {state["station"]["id"] for state in board["stations"]}
    assert len(board["soil"]["plots"]) == 20


def test_the_page_has_every_plot_on_its_map_and_in_its_table(client: TestClient) -> None:
    text = client.get("/soil?lang=en").text
    marked = re.findall(r'<a href="/plots/([\w-]+)" class="marker standing-(\w+)"', text)
    listed = re.findall(r'<a class="link" href="/plots/([\w-]+)"', text)
    assert len(marked) == 20
    assert {plot for plot, _ in marked} <= set(listed)
    assert dict(marked)[PLOT] == "high"
    assert "no pH, on which the limits hang" in text
    assert "no samples yet" in text


def test_a_district_and_a_use_of_land_narrow_everything(client: TestClient) -> None:
    text = client.get("/soil?district=pingshan&lang=en").text
    assert len(re.findall(r'class="marker standing-', text.split("legend")[0])) == 3
    assert "Songgang Well" not in text
    assert "Kengzi Well" in text
    assert 'href="/soil.csv?district=pingshan&amp;lang=en"' in text
    orchards = client.get("/api/soil?land_use=orchard").json()
    assert {plot["station"]["zone"] for plot in orchards["plots"]} == {"orchard"}


def test_the_sheet_says_the_same_as_the_page(client: TestClient, city: City) -> None:
    text = client.get("/soil.csv?lang=en").text.removeprefix("\ufeff")
    rows = {row["plot"]: row for row in csv.DictReader(io.StringIO(text))}
    view = soil_view(registry=open_registry(city.registry_url), now=city.now)
    assert list(rows) == [plot.station.id for plot in view.plots]
    for plot in view.plots:
        row, verdict = rows[plot.station.id], plot.verdict
        assert row["day"] == (str(plot.day) if plot.day else "")
        assert bool(row["note"]) == bool(plot.reason)
        if verdict and verdict.nemerow is not None:
            assert row["Nemerow's index"] == str(verdict.nemerow)
    assert rows[PLOT]["risk"] == "Above intervention"
    assert rows[PLOT]["deciding items"] == "Cr(VI), Ni"


def test_a_plot_shows_what_was_not_detected_as_such(client: TestClient) -> None:
    text = client.get(f"/plots/{PLOT}?lang=en").text
    assert '<span class="below">&lt;0.0019</span>' in text
    assert "0–0.5 m" in text
    assert text.count('<path class="below"') >= 8
    assert 'class="limit screening"' in text
    assert 'class="limit intervention"' in text
    assert "above the scale" in text


def test_a_well_is_shown_by_its_class_and_target(client: TestClient, city: City) -> None:
    text = client.get(f"/plots/{WELL}?lang=zh").text
    assert "chip class-V" in text
    assert 'class="limit class"' in text
    view = groundwater_view(registry=open_registry(city.registry_url), now=city.now)
    found = client.get("/api/groundwater").json()
    assert [well["verdict"]["water_class"] for well in found["wells"]] == [
        well.water_class for well in view.wells
    ]


def test_samples_come_as_json_with_verdicts_and_the_laboratorys_digits(client: TestClient) -> None:
    found = client.get(f"/api/samples?station={PLOT}&since=2026-01-01&until=2026-12-31").json()
    assert [one["sample"]["number"] for one in found] == ["BA-P-2026-4a", "BA-P-2026-4b"]
    assert found[0]["verdict"]["risk"] == "high"
    results = {r["determinand"]: r for r in found[0]["sample"]["results"]}
    assert results["benzene"]["value"] is None
    assert results["benzene"]["limit"] == "0.0019"
    assert results["ni"]["value"] == "684"
    assert len(client.get("/api/samples?medium=groundwater&limit=5").json()) == 5


def test_a_correction_shows_and_hostile_words_come_out_inert(
    client: TestClient, city: City
) -> None:
    station = StationId("st-plot-ebu-paddy")
    one = Sample(
        number=HOSTILE,
        station=station,
        medium=SampleMedium.SOIL,
        taken=datetime(2026, 10, 2, tzinfo=CITY_TIME),
        laboratory=HOSTILE,
        results=(Result(determinand="cd", value=Decimal("0.1"), unit="mg/kg", remark=HOSTILE),),
    )
    ph = Result(determinand="ph", value=Decimal(6), unit="1")
    registry = open_registry(city.registry_url)
    add_samples(registry, [one], at=datetime(2026, 10, 3, tzinfo=UTC))
    later = one.model_copy(update={"results": (*one.results, ph)})
    add_samples(registry, [later], at=datetime(2026, 10, 4, tzinfo=UTC))
    for path in (f"/plots/{station}?lang=en", "/soil?lang=en"):
        text = client.get(path).text
        assert HOSTILE not in text
    text = client.get(f"/plots/{station}?lang=en").text
    assert "&lt;script&gt;" in text
    assert "revision 2" in text
    found = client.get(f"/api/samples?station={station}&limit=1").json()[0]
    assert [len(earlier["results"]) for earlier in found["earlier"]] == [1]
    assert found["verdict"]["day"] == date(2026, 10, 2).isoformat()


def test_a_soil_station_leads_to_its_samples(client: TestClient) -> None:
    assert 'href="/plots/st-soil-fenghuang"' in client.get("/stations/st-soil-fenghuang").text
    assert 'href="/stations/st-soil-fenghuang"' in client.get("/plots/st-soil-fenghuang").text
    assert "/stations/" not in client.get(f"/plots/{PLOT}").text
