"""The bulletin says what the views say, in both languages, and nothing that was not measured."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

import bulletin
from bulletin import Bulletin, Request, area_of, areas, compile_bulletin, name_of, span_of
from bulletin.files import put
from bulletin.page import page
from drawing.words import shared, words
from network import views
from network.periods import month_of, year_of, year_to
from network.views import Reported
from schemas import Level
from tests.bulletin.conftest import HOSTILE, City

MADE = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)  # 10:00 in the city
SECTIONS = {
    "zh": ["空气", "声", "河流", "近岸海域", "土壤与地下水", "排污单位", "告警与处置"],
    "en": ["Air", "Noise", "Rivers", "Sea", "Soil and groundwater", "Enterprises"],
}


class Text(HTMLParser):
    """What a reader sees of a document, and its tags."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.said.append((self.open[-1] if self.open else "", data.strip()))

    def of(self, tag: str) -> list[str]:
        return [data for of, data in self.said if of == tag and data]

    def rows(self) -> str:
        return " ".join(data for of, data in self.said if data and of != "style")


def made(city: City, name: str = "2026-10", area: str = "city") -> Bulletin:
    return compile_bulletin(
        area_of(area, city.registry),
        span_of(name, MADE),
        store=city.store,
        registry=city.registry,
        made=MADE,
    )


@pytest.fixture(scope="module")
def october(city: City) -> Bulletin:
    return made(city)


# What was asked for


@pytest.mark.parametrize(
    ("name", "kind", "written"),
    [
        ("2026-10", "month", "2026-10"),
        ("2025", "year", "2025"),
        ("2026", "year_to_date", "2026-to-11-24"),
    ],
)
def test_a_month_and_a_year_are_asked_for_by_name(name: str, kind: str, written: str) -> None:
    found = span_of(name, MADE)
    assert (found.kind, name_of(found)) == (kind, written)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("2026-11", "not over"),
        ("2027", "no day yet"),
        ("2026-13", "write 2026-10"),
        ("2026-00", "write 2026-10"),
        ("1999-12", "from 2000 on"),
        ("october", "write 2026-10"),
        ("2026-10-01", "write 2026-10"),
        ("", "write 2026-10"),
    ],
)
def test_a_span_that_is_none_or_not_over_is_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        span_of(name, MADE)


def test_a_district_that_is_none_is_told_those_that_are(city: City) -> None:
    with pytest.raises(ValueError, match=r"'nowhere'.*nanshan"):
        area_of("nowhere", city.registry)
    assert [area.id for area in areas(city.registry)][:2] == ["city", "futian"]
    assert len(areas(city.registry)) == 12


# Numbers


def test_numbers_are_those_of_the_views(city: City, october: Bulletin) -> None:
    air = views.air_span(Level.CITY, "city", october.span, store=city.store)
    assert october.air == air
    text = Text(page(october, ["en"])).rows()
    assert f"Air: {air.by_day.good} of {air.by_day.judged} days judged were good" in text
    for pollutant in air.pollutants:
        assert f" {pollutant.value} " in text, pollutant.parameter
    assert f"{october.noise.day.rate}" in text
    assert f"({october.noise.day.attaining}/{october.noise.day.judged})" in text
    assert f"{len(october.alerts.alerts)} alerts" in text
    for medium in october.quality.media:
        assert f"{medium.hours:,} / {medium.expected:,}" in text


def test_the_calendar_and_the_ranking_say_the_same(city: City, october: Bulletin) -> None:
    view = views.calendar_view(
        "aqi", Level.CITY, "city", store=city.store, now=october.span.settled, count=31
    )
    assert [views.calendar_day("aqi", day) for day in october.air.days] == list(view.days)
    ranked = views.ranking(store=city.store, registry=city.registry, now=october.span.settled)
    months = {line.place: line.month for line in ranked.districts}
    for line in october.districts:
        month, pm25 = months[line.place.id], line.air.pollutants[0]
        if month is None:
            assert pm25.value is None
        else:
            assert (pm25.value, pm25.on_before, pm25.on_year) == (
                month.mean,
                month.on_month,
                month.on_year,
            )


def test_a_facility_shows_the_credit_that_it_had_on_the_last_day(
    city: City, october: Bulletin
) -> None:
    last = october.span.reach.end - timedelta(seconds=1)
    text = Text(page(october, ["en"])).rows()
    scored = 0
    for facility in october.loud:
        name = str(facility.station.id)
        record = views.facility_record(name, store=city.store, registry=city.registry, now=last)
        assert record is not None
        credit = record.facility.credit
        assert october.credits[name] == credit
        assert credit.on == october.span.last
        if credit.grade is not None:
            scored += 1
            assert f"{credit.score} {credit.grade.name('en')}" in text
    assert scored


def test_a_district_has_its_own_stations_and_no_table_of_districts(city: City) -> None:
    nanshan = made(city, area="nanshan")
    assert {station.district for station in nanshan.stations.values()} == {"nanshan"}
    assert nanshan.districts == ()
    assert {a.district for a in nanshan.alerts.alerts} <= {"nanshan"}
    assert {bay.bay for bay in nanshan.water.bays} == {"shenzhen-bay"}
    text = Text(page(nanshan, ["zh"])).rows()
    assert "南山区2026年10月环境质量月报" in text
    assert "各区空气" not in text


def test_what_a_district_has_not_is_said_and_no_number_made_up(city: City) -> None:
    shenshan = made(city, area="shenshan")
    text = Text(page(shenshan, ["en"])).rows()
    assert "No river section is monitored in this area." in text
    assert "No sea station is in this area." in text


# Validity


def test_a_month_without_data_is_a_bulletin_of_reasons(city: City) -> None:
    empty = made(city, "2026-08")
    text = Text(page(empty, ["zh"])).rows()
    assert "空气：无有效数据，不作评价。" in text
    assert "声：无有效数据，不作评价。" in text
    assert "河流：无有效数据，不作评价。" in text
    assert "本时段无告警" in text
    assert "本时段没有报文记录" in text
    zeros = re.findall(r"\b0\.0\b", text)
    assert len(zeros) == 2 * len(empty.quality.media), "only the completeness is known to be zero"


def test_what_is_not_valid_is_struck_through_with_its_reason(city: City) -> None:
    running = made(city, "2026")
    assert running.air.by_day.reason == "incomplete"
    document = Text(page(running, ["en"]))
    struck = [attributes for _, attributes in document.tags if attributes.get("class") == "invalid"]
    assert struck
    assert "Not enough valid data" in document.rows()
    assert "The year is not over: figures run to 2026-11-24" in document.rows()


# Editions


def test_a_month_beside_a_change_of_edition_says_what_it_is_compared_with(city: City) -> None:
    march = made(city, "2026-03")
    assert march.changed == ()
    then = {use.edition.id for use in march.compared_by}
    assert {"HJ633-2012", "GB3095-2012"} <= then
    text = Text(page(march, ["en"])).rows()
    assert "The periods compared with were judged by: HJ633-2012" in text
    february = made(city, "2026-02")
    assert {use.edition.id for use in february.uses if use.family == "aqi"} == {"HJ633-2012"}
    assert "HJ633-2012" not in {use.edition.id for use in february.compared_by}


def test_a_year_over_a_change_shows_both_editions(city: City) -> None:
    year = made(city, "2026")
    assert set(year.changed) == {"aqi", "ambient_air", "air_assessment"}
    document = Text(page(year, ["en"]))
    assert "HJ633-2012 (2026-01-01 – 2026-02-28)" in document.rows()
    assert {"HJ633-2012", "HJ633-2026"} <= set(document.of("th"))
    assert "75 → 60" in document.rows(), "the daily limit of PM2.5, old and new"


def test_a_whole_year_is_assessed_or_says_what_it_lacks(city: City) -> None:
    year = made(city, "2025")
    assert [each.parameter for each in year.air.years].count("pm25") == 1, "one edition held in it"
    text = Text(page(year, ["en"])).rows()
    assert "Assessment of the year (HJ 663)" in text
    assert "Not enough valid data (31 days)" in text
    assert "attains" not in text.split("Assessment of the year")[1].split("Air by district")[0]


def test_every_edition_is_named_with_the_days_on_which_it_held(october: Bulletin) -> None:
    text = Text(page(october, ["zh"])).rows()
    for use in october.uses:
        assert f"{use.edition.id} {use.edition.title['zh']} {use.first} – {use.last}" in text


# The document


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_section_is_there_in_both_languages(october: Bulletin, language: str) -> None:
    document = Text(page(october, [language]))
    found = document.of("h2")
    assert [name for name in SECTIONS[language] if name not in found] == []
    if language == "en":
        assert not re.search(r"[\u4e00-\u9fff]", document.rows()), "nothing is left untranslated"


def test_both_languages_make_one_document_chinese_first(october: Bulletin) -> None:
    document = Text(page(october, ["zh", "en"]))
    articles = [attributes["lang"] for tag, attributes in document.tags if tag == "article"]
    assert articles == ["zh-CN", "en"]
    assert page(october, ["zh", "en"]).count("<!doctype html>") == 1


def test_every_word_is_there_in_both_languages_and_is_used() -> None:
    own = words("bulletin")
    source = "".join(
        file.read_text("utf-8")
        for file in Path(bulletin.__file__).parent.rglob("*")
        if file.suffix in (".html", ".py")
    )
    made_up = re.findall(r'"([a-z_]+_)" ~|f"([a-z_]+_)\{|\'([a-z_]+_)\{', source)
    stems = {stem for stems in made_up for stem in stems if stem}
    stems |= {"month_", "title_"}
    unused = [
        key
        for key in own.entries
        if key not in shared()
        and f'"{key}"' not in source
        and not any(key.startswith(stem) for stem in stems)
    ]
    assert unused == []


def test_it_needs_nothing_beside_it(october: Bulletin) -> None:
    document = Text(page(october, ["zh"]))
    tags = {tag for tag, _ in document.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "input", "a"}
    addresses = [
        value
        for _, attributes in document.tags
        for name, value in attributes.items()
        if name in ("src", "href", "style") or name.startswith("on")
    ]
    assert addresses == []
    assert "url(" not in page(october, ["zh"])


def test_hostile_names_come_out_inert(city: City) -> None:
    stations = city.registry.stations()
    station = stations["st-noise-nanao"]  # type: ignore[index]
    odd = station.model_copy(update={"zh": HOSTILE, "en": HOSTILE})
    place = city.registry.places()["dapeng"]
    try:
        city.registry.add(
            stations=[odd], places=[place.model_copy(update={"zh": HOSTILE, "en": HOSTILE})]
        )
        document = page(made(city), ["zh", "en"])
        title = page(made(city, area="dapeng"), ["en"])
    finally:
        city.registry.add(stations=[station], places=[place])
    for text in (document, title):
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


def test_the_same_data_give_the_same_bytes(city: City, october: Bulletin) -> None:
    again = made(city)
    for form in bulletin.FORMATS:
        first, second = (bulletin.render(each, "both", form) for each in (october, again))
        assert first == second, form


# Files


def test_files_are_written_whole_and_found_again(october: Bulletin, tmp_path: Path) -> None:
    written = bulletin.write(october, tmp_path, languages=["zh"])
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "2026-10/city-zh.html",
        "2026-10/city-zh.pdf",
    ]
    (tmp_path / "2026-10" / ".city-zh.html.tmp").touch()
    (tmp_path / "2026-10" / "notes.txt").touch()
    (tmp_path / "other").mkdir()
    assert list(bulletin.there(tmp_path)) == [
        Request("2026-10", "city", "zh", "html"),
        Request("2026-10", "city", "zh", "pdf"),
    ]
    assert list(bulletin.there(tmp_path / "nowhere")) == []


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "2026-10" / "city-zh.html"
    put(target, b"old")

    def full(_handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        put(target, b"new")
    assert target.read_bytes() == b"old"
    assert [file.name for file in target.parent.iterdir()] == ["city-zh.html"]


def test_the_paper_has_the_text_and_the_pictures(october: Bulletin, tmp_path: Path) -> None:
    file = tmp_path / "bulletin.pdf"
    file.write_bytes(bulletin.render(october, "both", "pdf"))
    text = subprocess.run(
        ["pdftotext", "-layout", file, "-"], capture_output=True, check=True
    ).stdout.decode()
    assert "深圳市2026年10月环境质量月报" in text
    assert "Shenzhen: environmental quality, October 2026" in text
    for said in ("优良率", "µg/m³", "首要污染物", "HJ633-2026", "土壤与地下水"):
        assert said in text
    worst = october.air.worst
    assert worst is not None
    assert re.search(rf"\b{worst.aqi}\b", text), "the calendar's numbers are text, so it was drawn"
    fonts = subprocess.run(["pdffonts", file], capture_output=True, check=True).stdout.decode()
    assert "CJK" in fonts
    embedded = [line.split()[-5] for line in fonts.splitlines()[2:]]
    assert set(embedded) == {"yes"}


def test_a_span_knows_the_day_under_which_its_rows_stand() -> None:
    spans = [month_of(date(2026, 10, 9)), year_of(date(2026, 5, 5)), year_to(date(2026, 5, 5))]
    kinds = ("month", "year", "year_to_date")
    named = [Reported(kind, span).row.start for kind, span in zip(kinds, spans, strict=True)]
    assert [moment.isoformat() for moment in named] == [
        "2026-09-30T16:00:00+00:00",
        "2025-12-31T16:00:00+00:00",
        "2026-05-04T16:00:00+00:00",
    ]
