"""What stands in a running Grafana beside what should: one `Change` a thing, each with its deed.

Nothing here writes until a deed is done. Each thing is found by an identity of ours: folder, boards
and contact points by their uid, groups of rules by folder and name, our branch of the policy tree
by its matchers. What is not ours is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from grafana_client import GrafanaApi

from dashboards import notify, rule_shape
from dashboards.boards import BOARDS
from dashboards.city import City
from dashboards.differences import differences, without_additions
from dashboards.encoding import plain
from dashboards.grafana_api import found, from_files
from dashboards.layout import FOLDER_TITLE, FOLDER_UID
from dashboards.notify import Addresses

MESSAGE = "onenet dashboards push"  # in the history of a board: who changed it last
HIDDEN = "[REDACTED]"  # what Grafana shows of a secret
_OWN_OF_BOARD = ("id", "version")
_OWN_OF_RULE = ("id", "updated", "provenance", "guid", "version")
Kind = Literal["folder", "board", "rules", "contact point", "policy"]
State = Literal["same", "new", "changed", "by hand"]


@dataclass(frozen=True, slots=True)
class Change:
    """A thing and how it stands. where: what differs. who: changed it by hand.

    hidden: has secrets that Grafana does not show, so that a new one looks the same. deed: makes
    it so; told whether to overwrite what somebody else made meanwhile.
    """

    kind: Kind
    name: str
    state: State
    deed: Callable[[bool], object]
    where: tuple[str, ...] = ()
    who: str = ""
    hidden: bool = False


def changes(grafana: GrafanaApi, city: City, to: Addresses | None) -> Iterator[Change]:
    """Everything of ours, in the order in which it must be made. to: None leaves out whom to tell.

    Raises ValueError where the thing comes from files.
    """
    yield _folder(grafana)
    for uid, make in BOARDS.items():
        yield _board(grafana, uid, plain(make(city)))
    for group in rule_shape.groups(city):
        yield _rules(grafana, group)
    if to is not None:
        points = {one["uid"]: one for one in grafana.alertingprovisioning.get_contactpoints()}
        for point in notify.contact_points(to):
            yield _contact_point(grafana, points.get(point["uid"]), point)
        yield _policy(grafana, notify.policy())


def _folder(grafana: GrafanaApi) -> Change:
    there = found(lambda: grafana.folder.get_folder(FOLDER_UID))
    if there is None:
        create = lambda _: grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)  # noqa: E731
        return Change("folder", FOLDER_UID, "new", create)

    def rename(force: bool) -> object:
        version = None if force else there["version"]
        return grafana.folder.update_folder(FOLDER_UID, FOLDER_TITLE, version, overwrite=force)

    same = there["title"] == FOLDER_TITLE
    where = () if same else ("title",)
    return Change("folder", FOLDER_UID, "same" if same else "changed", rename, where)


def _board(grafana: GrafanaApi, uid: str, board: dict[str, Any]) -> Change:
    there = found(lambda: grafana.dashboard.get_dashboard(uid))
    standing = there["dashboard"] if there else {}

    def save(force: bool) -> object:
        held = {key: standing[key] for key in _OWN_OF_BOARD if key in standing}
        return grafana.dashboard.update_dashboard(
            {
                "dashboard": board | held,
                "folderUid": FOLDER_UID,
                "overwrite": force,
                "message": MESSAGE,
            }
        )

    if there is None:
        return Change("board", uid, "new", save)
    if there["meta"].get("provisioned"):
        raise from_files("the boards")
    seen = {key: value for key, value in standing.items() if key not in _OWN_OF_BOARD}
    where = [*differences(seen, board)]
    if there["meta"].get("folderUid") != FOLDER_UID:
        where.append("folder")
    if not where:
        return Change("board", uid, "same", save)
    who = _who_else(grafana, uid)
    return Change("board", uid, "by hand" if who else "changed", save, tuple(where), who)


def _who_else(grafana: GrafanaApi, uid: str) -> str:
    """Who changed a board last, where that was no push of ours; else nothing."""
    answer = found(lambda: grafana.dashboard_versions.get_dashboard_versions_by_uid(uid))
    versions = answer.get("versions", []) if isinstance(answer, dict) else answer or []
    newest = max(versions, key=lambda one: one["version"], default=None)
    if newest is None or newest.get("message") == MESSAGE:
        return ""
    return f"{newest.get('createdBy') or 'somebody'}, {newest.get('created')}"


def _rules(grafana: GrafanaApi, group: dict[str, Any]) -> Change:
    name = group["title"]
    api = grafana.alertingprovisioning
    there = found(lambda: api.get_rule_group(FOLDER_UID, name))

    def replace(_: bool) -> object:
        return api.update_rule_group(FOLDER_UID, name, group)

    if there is None or not there.get("rules"):
        return Change("rules", name, "new", replace)
    provenances = {rule.get("provenance") or "" for rule in there["rules"]}
    if "file" in provenances:
        raise from_files("the alert rules")
    where = tuple(differences(*_by_uid(there, group)))
    if not where:
        return Change("rules", name, "same", replace)
    by_hand = "" in provenances  # what was pushed can be changed by pushes only
    who = "somebody in Grafana" if by_hand else ""
    return Change("rules", name, "by hand" if by_hand else "changed", replace, where, who)


def _by_uid(there: dict[str, Any], wanted: dict[str, Any]) -> tuple[Any, Any]:
    """Interval and rules of both, so that a difference names its rule."""

    def of(group: dict[str, Any]) -> dict[str, Any]:
        rules = {rule["uid"]: rule for rule in group["rules"]}
        return {"interval": group["interval"], **rules}

    ours = of(wanted)
    theirs = {
        key: {k: v for k, v in value.items() if k not in _OWN_OF_RULE}
        if isinstance(value, dict)
        else value
        for key, value in of(there).items()
    }
    return without_additions(theirs, ours), ours


def _contact_point(
    grafana: GrafanaApi, there: dict[str, Any] | None, point: dict[str, Any]
) -> Change:
    api, uid = grafana.alertingprovisioning, point["uid"]
    if there is None:
        return Change("contact point", uid, "new", lambda _: api.create_contactpoint(point))
    provenance = there.get("provenance") or ""
    if provenance == "file":
        raise from_files("the contact points")
    secret = {key for key, value in there["settings"].items() if value == HIDDEN}
    settings = {
        key: point["settings"].get(key, value) if key in secret else value
        for key, value in there["settings"].items()
    }
    seen = {k: v for k, v in there.items() if k != "provenance"} | {"settings": settings}
    where = tuple(differences(without_additions(seen, point), point))
    state: State = "changed" if where else "same"
    return Change(
        "contact point",
        uid,
        state,
        lambda _: api.update_contactpoint(uid, point),
        where,
        hidden=bool(secret),
    )


def _policy(grafana: GrafanaApi, branch: dict[str, Any]) -> Change:
    """Our branch among those of the tree's root; the others stay where they are."""
    api = grafana.alertingprovisioning
    tree = api.get_notification_policy_tree()
    provenance = tree.pop("provenance", "")
    if provenance == "file":
        raise from_files("the notification policy")
    others = list(tree.get("routes") or [])
    at = [n for n, one in enumerate(others) if _matchers(one) == _matchers(branch)]

    def put(_: bool) -> object:
        # First, where no branch without a matcher can take our alerts away.
        kept = [one for n, one in enumerate(others) if n not in at]
        routes = {"routes": [branch, *kept]}
        # A tree that people keep in Grafana stays theirs.
        return api.set_notification_policy_tree(tree | routes, disable_provenance=not provenance)

    if not at:
        return Change("policy", notify.MAIL, "new", put)
    where = tuple(differences(without_additions(others[at[0]], branch), branch))
    return Change("policy", notify.MAIL, "changed" if where or at != [0] else "same", put, where)


def _matchers(branch: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted(tuple(one) for one in branch.get("object_matchers") or [])
