"""A wrong contract is refused with its file, its column and what to do."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fastfeast_assets.contracts.load import ContractError, load_contracts
from fastfeast_assets.contracts.odcs import parse_contract
from fastfeast_assets_tests.unit.contracts.documents import column, custom, document, prop, write

Spoil = Callable[[dict[str, Any]], object]


def options(name: str, /, **values: Any) -> Spoil:
    return lambda doc: column(doc, name).update(logicalTypeOptions=values)


def change(name: str, /, **values: Any) -> Spoil:
    return lambda doc: column(doc, name).update(values)


def rule(index: int, **values: Any) -> Spoil:
    return lambda doc: custom(doc, "rowRules")["value"][index].update(values)


def top(**values: Any) -> Spoil:
    return lambda doc: doc.update(values)


def server(**values: Any) -> Spoil:
    return lambda doc: doc["servers"][0].update(values)


def extension(name: str, value: Any) -> Spoil:
    return lambda doc: custom(doc, name).update(value=value)


BAD: dict[str, tuple[Spoil, str | None, str]] = {
    "no primary key": (change("shop_id", primaryKey=False), None, "has none"),
    "two primary keys": (change("staff", primaryKey=True, required=True), None, "shop_id, staff"),
    "optional key": (change("shop_id", required=False), "shop_id", "`required: true`"),
    "boolean key": (
        lambda doc: (
            column(doc, "shop_id").update(primaryKey=False),
            column(doc, "is_own").update(primaryKey=True, required=True),
        ),
        "is_own",
        "cannot be a boolean",
    ),
    "bad pattern": (options("phone", pattern="^(01$"), "phone", "not a regular expression"),
    "open pattern": (options("phone", pattern="01"), "phone", "Start it with ^"),
    "pattern on a number": (options("rent", pattern="^1$"), "rent", "pattern cannot be checked"),
    "unsupported type": (change("rent", physicalType="double"), "rent", "double is not supported"),
    "type of another kind": (change("staff", physicalType="text"), "staff", "Use integer"),
    "varchar without size": (change("state", physicalType="varchar"), "state", "not supported"),
    "numeric without scale": (change("rent", physicalType="numeric(5)"), "rent", "(p,s)"),
    "scale above precision": (change("rent", physicalType="numeric(2,3)"), "rent", "no sense"),
    "unsupported logical type": (change("state", logicalType="array"), "state", "'array'"),
    "maxLength above varchar": (options("shop_id", maxLength=40), "shop_id", "does not fit"),
    "maxLength of nothing": (options("state", maxLength=0), "state", "positive whole number"),
    "minimum above maximum": (options("staff", minimum=2, maximum=1), "staff", "is above"),
    "text as minimum": (options("staff", minimum="0"), "staff", "not a number"),
    "number as date": (options("inspected_on", minimum=2000), "inspected_on", "not a date"),
    "numbers in an enum": (change("state", enum=[{"value": 1}]), "state", "distinct texts"),
    "repeated enum": (change("state", enum=[{"value": "a"}] * 2), "state", "distinct texts"),
    "personal without hash": (
        lambda doc: column(doc, "phone").pop("encryptedName"),
        "phone",
        "`encryptedName`",
    ),
    "hash without personal": (change("state", encryptedName="state_hash"), "state", "both"),
    "confidential number": (
        change("staff", classification="confidential"),
        "staff",
        "Leave the classification out",
    ),
    "unknown classification": (change("state", classification="secret"), "state", "Use pii"),
    "hash under the own name": (change("phone", encryptedName="phone"), "phone", "of its own"),
    "hash under a taken name": (change("phone", encryptedName="state"), "phone", "used twice"),
    "personal key": (
        change("shop_id", classification="pii", encryptedName="x"),
        "shop_id",
        "cannot be personal",
    ),
    "canonical number": (
        change("staff", customProperties=[{"property": "canonical", "value": "digits"}]),
        "staff",
        "Remove the custom property",
    ),
    "unknown canonical form": (
        change("phone", customProperties=[{"property": "canonical", "value": "loud"}]),
        "phone",
        "'phone', 'digits', 'email' or 'uuid'",
    ),
    "hashed uuid": (
        change("phone", customProperties=[{"property": "canonical", "value": "uuid"}]),
        "phone",
        "a UUID is not hashed",
    ),
    "unknown column property": (
        change("staff", customProperties=[{"property": "colour", "value": "red"}]),
        "staff",
        "Known properties are canonical",
    ),
    "column with quotes": (change("staff", name='st"aff'), 'st"aff', "plain identifier"),
    "technical name": (change("staff", name="_load_id"), "_load_id", "plain identifier"),
    "same column twice": (change("staff", name="rent"), "rent", "used twice"),
    "column without description": (change("staff", description=""), "staff", "Say what"),
    "misspelt key": (change("staff", requierd=True), None, "requierd: Extra inputs"),
    "unknown row rule kind": (rule(0, kind="sometimes"), None, "'required_when' or 'not_before'"),
    "row rule of no column": (rule(0, column="nope"), "nope", "unknown column nope"),
    "row rule without its part": (rule(1, other=None), "closed_at", "takes `other`"),
    "row rule with too much": (rule(0, other="rent"), "closed_at", "nothing else"),
    "row rule on numbers": (rule(1, other="rent"), "closed_at", "two timestamps"),
    "row rule that never fires": (
        rule(0, when={"column": "state", "values": ["shut"]}),
        "state",
        "may never hold",
    ),
    "row rule twice": (rule(1, name="closed_at_required"), None, "is taken"),
    "row rule named as a rule": (rule(1, name="orphan"), None, "is taken"),
    "unknown source property": (
        lambda doc: doc["customProperties"].append({"property": "mood", "value": "good"}),
        None,
        "Known properties are cadence",
    ),
    "kept column that is known": (
        lambda doc: doc["customProperties"].append({"property": "keepExtra", "value": ["rent"]}),
        None,
        "keepExtra names rent",
    ),
    "property twice": (
        lambda doc: doc["customProperties"].append(custom(doc, "cadence")),
        None,
        "cadence is given twice",
    ),
    "unknown cadence": (extension("cadence", "weekly"), None, "'batch' or 'stream'"),
    "unknown target": (extension("target", "orders"), None, "target"),
    "impossible ratio": (
        extension("quarantine", {"warnRows": 1, "warnRatio": 5, "failRatio": 0.2}),
        None,
        "less than or equal to 1",
    ),
    "source with a quote": (top(name='sh"ops'), None, "plain identifier"),
    "source with capitals": (top(name="Shops"), None, "plain identifier"),
    "a word as version": (top(version="newest"), None, "such as 1.2.0"),
    "empty version": (top(version=""), None, "such as 1.2.0"),
    "no source": (top(name=None), None, "plain identifier"),
    "no owner": (top(team={}), None, "`team.name`"),
    "no purpose": (top(description={}), None, "`description.purpose`"),
    "no table": (top(schema=[]), None, "one object named shops"),
    "no servers": (top(servers=[]), None, "`servers`"),
    "unreadable format": (server(format="parquet"), None, "Use one of csv, json"),
    "file of another source": (server(path="stream/x.json"), None, "/shops.json"),
    "no service level": (top(slaProperties=[]), None, "`freshness`"),
    "service level of a batch": (extension("cadence", "batch"), None, "`timeOfAvailability`"),
}


@pytest.mark.parametrize(("spoil", "where", "what"), BAD.values(), ids=BAD)
def test_a_bad_contract_is_refused(
    tmp_path: Path, spoil: Spoil, where: str | None, what: str
) -> None:
    contract = document()
    spoil(contract)
    write(tmp_path, contract, "shops.odcs.yaml")
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)
    assert str(caught.value).startswith("shops.odcs.yaml")
    assert caught.value.column == where
    assert what in str(caught.value)
    assert (where or "") in str(caught.value)


def test_the_unspoilt_contract_loads(tmp_path: Path) -> None:
    write(tmp_path, document())
    shops = load_contracts(tmp_path)["shops"]
    assert shops.required_null_tokens == ("n/a",)
    assert shops.column("shop_id").max_length == 36
    assert shops.column("phone").stored_as == "phone_hash"
    assert shops.column("rent").scale == 2
    assert shops.formats == ("json",)


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "shops.odcs.yaml").write_text("name: shops\nschema: [\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"shops\.odcs\.yaml: it is not valid YAML in line 3"):
        load_contracts(tmp_path)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "shops.odcs.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ContractError, match="Save it as UTF-8"):
        load_contracts(tmp_path)


def test_an_empty_file_and_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="there is no contract in this directory"):
        load_contracts(tmp_path)
    (tmp_path / "shops.odcs.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ContractError, match=r"shops\.odcs\.yaml: the document"):
        load_contracts(tmp_path)


def test_one_source_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, document())
    write(tmp_path, document(), "stalls.odcs.yaml")
    with pytest.raises(ContractError, match=r"stalls.*already has a contract in shops"):
        load_contracts(tmp_path)


def test_a_file_named_after_another_source(tmp_path: Path) -> None:
    write(tmp_path, document(), "stalls.odcs.yaml")
    with pytest.raises(ContractError, match=r"Name the file shops\.odcs\.yaml"):
        load_contracts(tmp_path)


def test_two_sources_with_one_target(tmp_path: Path) -> None:
    stalls = document("stalls")
    custom(stalls, "target")["value"] = "fact_shops"
    write(tmp_path, document())
    write(tmp_path, stalls)
    with pytest.raises(ContractError, match=r"stalls\.odcs.*fact_shops is also that of shops"):
        load_contracts(tmp_path)


@pytest.mark.parametrize(
    ("physical", "to", "what"),
    [
        ("varchar(36)", "malls.mall_id", "unknown source malls"),
        ("varchar(36)", "shops.state", "Refer to shops.shop_id"),
        ("text", "shops.shop_id", "the key it refers to is varchar"),
        ("varchar(36)", "shops", "Name one column of one source"),
        ("varchar(36)", ["shops.shop_id"], "Name one column of one source"),
    ],
)
def test_a_reference_that_leads_nowhere(
    tmp_path: Path, physical: str, to: str | list[str], what: str
) -> None:
    stalls = document("stalls")
    stalls["schema"][0]["properties"].append(
        prop("parent_id", "string", physical, relationships=[{"to": to}])
    )
    write(tmp_path, document())
    write(tmp_path, stalls)
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)
    assert str(caught.value).startswith("stalls.odcs.yaml, column parent_id: ")
    assert what in str(caught.value)


@pytest.mark.parametrize("has_form", [("parent_id",), ("shop_id",), ("parent_id", "shop_id")])
def test_a_reference_has_the_canonical_form_of_its_key(
    tmp_path: Path, has_form: tuple[str, ...]
) -> None:
    """Else one spelling of a key would be a parent and another of the same would have none."""
    shops, stalls = document(), document("stalls")
    parent = prop("parent_id", "string", "varchar(36)", relationships=[{"to": "shops.shop_id"}])
    stalls["schema"][0]["properties"].append(parent)
    key = column(shops, "shop_id")
    for item in (parent, key):
        if item["name"] in has_form:
            item["customProperties"] = [{"property": "canonical", "value": "uuid"}]
    write(tmp_path, shops)
    write(tmp_path, stalls)
    if len(has_form) == 2:
        assert load_contracts(tmp_path)["stalls"].column("parent_id").canonical == "uuid"
        return
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)
    assert str(caught.value).startswith("stalls.odcs.yaml, column parent_id: its canonical form is")
    assert "Give both the same" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def _places(node: Any) -> list[tuple[Any, Any]]:
    children = (
        list(node.items())
        if isinstance(node, dict)
        else list(enumerate(node))
        if isinstance(node, list)
        else []
    )
    return [(node, key) for key, _ in children] + [
        place for _, child in children for place in _places(child)
    ]


@given(data=st.data())
def test_whatever_stands_in_a_contract_it_loads_or_is_refused(data: st.DataObject) -> None:
    """Any other exception would reach the user as a traceback at start-up."""

    spoilt = copy.deepcopy(document())
    holder, key = data.draw(st.sampled_from(_places(spoilt)))
    holder[key] = data.draw(JSON)
    text = yaml.safe_dump(spoilt)
    with contextlib.suppress(ContractError):
        parse_contract(text, "shops.odcs.yaml")
