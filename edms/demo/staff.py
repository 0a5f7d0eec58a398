"""Plausible staff for the demonstration's bodies: a head, the registry, two employees, an administrator."""

import csv
import io
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from faker import Faker
from faker.providers.person.ar_AA import Provider as ArabicNames

from edms.accounts.factor_rules import pin_problem
from edms.core.errors import Invalid
from edms.demo.bodies import Body, own_bodies

CENTRE_KEY = "cabinet"
COLUMNS = ("entity", "unit", "post", "name", "login", "roles", "clearance")

# (how the body's name begins, the title of its head); the first match holds
_HEADS = (
    ("وزارة", "الوزير"),
    ("محافظة", "المحافظ"),
    ("الأمانة العامة", "الأمين العام"),
    ("أمانة", "الأمين"),
    ("البنك المركزي", "محافظ البنك"),
    ("هيئة", "رئيس الهيئة"),
    ("الهيئة", "رئيس الهيئة"),
    ("مجلس", "رئيس المجلس"),
    ("ديوان", "رئيس الديوان"),
    ("مؤسسة", "رئيس المؤسسة"),
    ("المفوضية", "رئيس المفوضية"),
    ("شبكة", "رئيس الشبكة"),
    ("سلطة", "رئيس السلطة"),
    ("المجمع", "رئيس المجمع"),
    ("مكتب", "مدير المكتب"),
    ("المحكمة", "رئيس المحكمة"),
    ("رئاسة محكمة", "رئيس المحكمة"),
    ("جامعة", "رئيس الجامعة"),
    ("الجامعة", "رئيس الجامعة"),
    ("قائممقامية", "القائممقام"),
    ("مديرية بلدية", "مدير البلدية"),
    ("قسم", "مدير القسم"),
    ("مفتشية", "مدير المفتشية"),
)
_HEAD_BY_TYPE = {"independent": "رئيس الجهة", "branch": "مدير الفرع"}
_HEAD_OTHERWISE = "المدير العام"
_LARGE = frozenset({"ministry", "independent", "governorate"})
_FAMILIES = tuple(
    name for name in ArabicNames.last_names if name.startswith("ال") and name.endswith("ي") and " " not in name
)


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One person in one post; ``login`` is ASCII and unique, ``clearance`` 0 ordinary … 3 top secret."""

    entity_key: str
    unit_name_ar: str
    post_title_ar: str
    name_ar: str
    login: str
    roles: tuple[str, ...]
    clearance: int


def plan_staff(entity_keys: Sequence[str], *, seed: int) -> list[StaffRow]:
    """Return the staff of the named bodies, the same for the same ``seed``; the first body also has an auditor.

    A body's people do not depend on which other bodies are asked for. Raises Invalid ``demo.unknown-entity``.
    """
    known = {body.key: body for body in own_bodies()}
    rows: list[StaffRow] = []
    for place, key in enumerate(entity_keys):
        if key not in known:
            raise Invalid("demo.unknown-entity", key=key)
        rows += _people(known[key], with_auditor=place == 0, seed=seed)
    return rows


def staff_csv(rows: Sequence[StaffRow], entity_code_by_key: Mapping[str, str]) -> str:
    """Return ``rows`` in the form that ``diwan staff import`` reads (header ``COLUMNS``; roles parted by a space).

    ``entity_code_by_key`` gives each body's code or mail domain. Raises Invalid ``demo.unknown-entity``.
    """
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        code = entity_code_by_key.get(row.entity_key)
        if code is None:
            raise Invalid("demo.unknown-entity", key=row.entity_key)
        roles = " ".join(row.roles)
        writer.writerow([code, row.unit_name_ar, row.post_title_ar, row.name_ar, row.login, roles, row.clearance])
    return sheet.getvalue()


def needs_pin(row: StaffRow) -> bool:
    """Say whether a person does what a PIN is asked for: signs, makes letters void, names deputies."""
    return not {"signatory", "registry", "administrator"}.isdisjoint(row.roles)


def new_pin() -> str:
    """Return a random PIN of six digits that the rules about PINs allow."""
    while True:
        pin = f"{secrets.randbelow(1_000_000):06}"
        if pin_problem(pin) is None:
            return pin


def head_title(body: Body) -> str:
    """Return what the head of ``body`` is called in Arabic, by how its name begins, else by its type."""
    if " / " in body.name_ar:  # "the commission / its branch in …"
        return _HEAD_BY_TYPE["branch"]
    for beginning, title in _HEADS:
        if body.name_ar.startswith(beginning + " "):
            return title
    return _HEAD_BY_TYPE.get(body.type, _HEAD_OTHERWISE)


def _people(body: Body, *, with_auditor: bool, seed: int) -> Iterator[StaffRow]:
    faker = Faker("ar_AA", use_weighting=False)
    faker.seed_instance(f"{seed}:{body.key}")
    for suffix, unit, post, roles, clearance in _posts(body, with_auditor=with_auditor):
        yield StaffRow(body.key, unit, post, _full_name(faker), f"{body.key}.{suffix}", roles, clearance)


def _posts(body: Body, *, with_auditor: bool) -> Iterator[tuple[str, str, str, tuple[str, ...], int]]:
    head = head_title(body)
    large = body.type in _LARGE
    yield "head", f"مكتب {head}", head, ("employee", "signatory"), 3
    registry = ("قسم الديوان", "مسؤول الديوان") if large else ("شعبة الأوراق", "مسؤول شعبة الأوراق")
    yield "registry", *registry, ("employee", "registry"), 2
    yield "clerk1", "قسم الشؤون الإدارية" if large else "شعبة الشؤون الإدارية", "ملاحظ", ("employee",), 1
    yield "clerk2", "قسم المتابعة" if large else "شعبة المتابعة", "معاون ملاحظ", ("employee",), 1
    yield "admin", "قسم تقنية المعلومات", "مدير المنظومة", ("administrator",), 0
    if with_auditor:
        yield "auditor", "قسم الرقابة والتدقيق الداخلي", "مدقق أقدم", ("auditor",), 3
    if body.key == CENTRE_KEY:
        yield "centre", "مركز البريد الرسمي الحكومي", "مسؤول المركز", ("centre",), 0


def _full_name(faker: Faker) -> str:
    """Return a name of four parts: one's own, the father's, the grandfather's, the family's; no vowel marks."""
    own = [faker.first_name_male() if faker.pybool(truth_probability=70) else faker.first_name_female()]
    forebears = [faker.first_name_male(), faker.first_name_male()]
    family = _FAMILIES[faker.pyint(max_value=len(_FAMILIES) - 1)]
    return "".join(c for c in " ".join([*own, *forebears, family]) if not unicodedata.combining(c))
