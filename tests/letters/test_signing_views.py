"""The signing tray in a browser: the question for the PIN, pages seen, several letters in one go."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from edms.accounts import service as accounts
from edms.accounts.delegation import NewDelegation, delegate
from edms.letters import queries, service
from edms.letters.rules import State
from edms.letters.signing import fingerprint
from tests.factories import letters as make
from tests.factories.pages import post, sign_in
from tests.factories.world import PIN, World

WRONG = "826497"


@pytest.fixture
def head(app: Flask, town: World) -> Iterator[FlaskClient]:
    """Body A's head, who has not given the PIN yet."""
    town.database._clock = lambda: datetime.now(UTC)
    yield sign_in(app, town.logins["a", "head"], stepped_up=False)
    town.database._clock = lambda: datetime.now(UTC)


def boxes(page: str) -> dict[UUID, str]:
    """The boxes to tick, by letter."""
    found = re.findall(r'name="letter" value="([0-9a-f-]{36})~([0-9a-f]{32})"', page)
    return {UUID(letter): f"{letter}~{mark}" for letter, mark in found}


def images(page: str) -> list[str]:
    return [each.replace("&amp;", "&") for each in re.findall(r'src="(/signing/[^"]+\.png[^"]*)"', page)]


def look(client: FlaskClient, letter_id: UUID) -> None:
    """Open all pages of a letter at the desk."""
    for image in images(client.get(f"/signing/{letter_id}").text):
        assert client.get(image).mimetype == "image/png"


def state(town: World, letter_id: UUID) -> str:
    return make.letter(town, letter_id).state


def test_signing_asks_for_the_pin_beside_the_page_image_and_goes_on(head: FlaskClient, town: World) -> None:
    letter_id = make.submitted(town, subject="كتاب يُسأل عن رمزه")
    asked = post(head, f"/letters/{letter_id}/sign-and-issue", {"next": "/outgoing"})
    assert asked.status_code == 200
    assert f"/signing/{letter_id}/pages/1.png" in asked.text
    assert 'name="next" value="/outgoing"' in asked.text
    assert state(town, letter_id) == State.SUBMITTED
    wrong = post(head, f"/letters/{letter_id}/sign-and-issue", {"next": "/outgoing", "step_up": WRONG})
    assert wrong.status_code == 422
    assert "الرقم غير صحيح" in wrong.text
    before = head.get_cookie("session")
    done = post(head, f"/letters/{letter_id}/sign-and-issue", {"next": "/outgoing", "step_up": PIN})
    assert (done.status_code, done.headers["Location"]) == (303, "/outgoing")
    assert state(town, letter_id) == State.ISSUED
    after = head.get_cookie("session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    another = make.submitted(town)
    assert post(head, f"/letters/{another}/sign").status_code == 303


def test_step_up_is_asked_again_after_five_minutes(head: FlaskClient, town: World) -> None:
    first, second = make.submitted(town), make.submitted(town)
    assert post(head, f"/letters/{first}/sign", {"step_up": PIN}).status_code == 303
    town.database._clock = lambda: datetime.now(UTC) + timedelta(minutes=5, seconds=2)
    assert post(head, f"/letters/{second}/sign").status_code == 200
    assert state(town, second) == State.SUBMITTED


def test_act_after_the_pin_that_fails_leaves_a_page_that_works(head: FlaskClient, town: World) -> None:
    made = make.issued(town)
    empty = post(head, f"/letters/{made.letter_id}/void", {"reason": " ", "step_up": PIN})
    assert empty.status_code == 422
    token = re.search(r'name="csrf_token" value="([^"]+)"', empty.text)
    assert token is not None
    done = head.post(f"/letters/{made.letter_id}/void", data={"reason": "صدر سهواً", "csrf_token": token[1]})
    assert done.status_code == 303
    assert state(town, made.letter_id) == State.VOID


def test_desk_shows_pages_changes_checks_and_neighbours(head: FlaskClient, town: World) -> None:
    older = make.submitted(town, subject="أقدم كتاب")
    letter_id = make.submitted(town)
    with town.database.work(town.actor("a", "head")) as uow:
        service.return_(uow, letter_id, "يُصحَّح الموضوع")
    with town.database.work(town.actor("a", "employee")) as uow:
        service.save(uow, letter_id, make.letter_text(town, subject="موضوع مصحَّح"), expected_version=1)
        service.submit(uow, letter_id)
    page = head.get(f"/signing/{letter_id}").text
    assert f'<del dir="auto">{make.SUBJECT}' in page
    assert '<ins dir="auto">موضوع مصحَّح' in page
    assert 'class="card checks"' in page
    assert f'href="/signing/{older}"' in page
    assert 'name="step_up"' in page
    assert len(images(page)) == 1


def test_batch_signs_what_was_seen_and_says_why_not_the_rest(head: FlaskClient, town: World) -> None:
    seen, unseen, changed = (make.submitted(town, subject=f"دفعة {n}") for n in "123")
    ticked = boxes(head.get("/signing").text)
    look(head, seen)
    look(head, changed)
    with town.database.work(town.actor("a", "head")) as uow:
        service.return_(uow, changed, "يُعدَّل")
    with town.database.work(town.actor("a", "employee")) as uow:
        service.save(uow, changed, make.letter_text(town, subject="دفعة معدّلة"), expected_version=1)
        service.submit(uow, changed)
    sent = {"letter": [ticked[seen], ticked[unseen], ticked[changed]], "act": "sign-and-issue"}
    asked = post(head, "/signing/batch", sent)
    assert asked.text.count('name="letter"') == 3
    answer = post(head, "/signing/batch", {**sent, "step_up": PIN})
    assert answer.status_code == 200
    assert "لم تطّلع على صفحات هذا الكتاب كلها" in answer.text
    assert "تغيّر الكتاب منذ اطلعت عليه" in answer.text
    assert "وُقّع كتاب واحد." in answer.text
    assert [state(town, each) for each in (seen, unseen, changed)] == [State.ISSUED, State.SUBMITTED, State.SUBMITTED]
    again = post(head, "/signing/batch", sent)
    assert "لم يوقَّع أي كتاب." in again.text


def test_what_another_session_saw_does_not_count(head: FlaskClient, app: Flask, town: World) -> None:
    letter_id = make.submitted(town)
    look(sign_in(app, town.logins["a", "head"]), letter_id)
    ticked = boxes(head.get("/signing").text)
    answer = post(head, "/signing/batch", {"letter": ticked[letter_id], "act": "sign", "step_up": PIN})
    assert "لم تطّلع" in answer.text
    assert state(town, letter_id) == State.SUBMITTED


def test_long_letter_counts_as_seen_only_when_all_its_pages_were(head: FlaskClient, town: World) -> None:
    text = "\n\n".join(["يرجى تزويدنا بالبيانات المطلوبة عن المراكز الصحية كافة خلال المدة المحددة." * 8] * 12)
    letter_id = make.submitted(town, markup=text)
    page = head.get(f"/signing/{letter_id}").text
    assert len(images(page)) > 1
    ticked = boxes(head.get("/signing").text)[letter_id]
    head.get(images(page)[0])
    refused = post(head, "/signing/batch", {"letter": ticked, "act": "sign", "step_up": PIN})
    assert "لم تطّلع" in refused.text
    look(head, letter_id)
    assert "وُقّع كتاب واحد." in post(head, "/signing/batch", {"letter": ticked, "act": "sign"}).text
    assert state(town, letter_id) == State.SIGNED


def test_address_of_older_pages_is_refused(head: FlaskClient, town: World) -> None:
    letter_id = make.submitted(town)
    assert head.get(f"/signing/{letter_id}/pages/1.png?seen={'0' * 32}").status_code == 409
    assert head.get(f"/signing/{letter_id}/pages/1.png").status_code == 409


def test_empty_batch_says_so(head: FlaskClient, town: World) -> None:
    make.submitted(town)
    assert "اختر كتاباً واحداً في الأقل" in post(head, "/signing/batch", {"act": "sign"}).text
    many = [f"{UUID(int=n)}~{'0' * 32}" for n in range(51)]
    assert post(head, "/signing/batch", {"letter": many, "act": "sign"}).status_code == 422


def test_another_body_and_who_does_not_sign_see_nothing_of_the_tray(app: Flask, town: World) -> None:
    letter_id = make.submitted(town, subject="لا يراه غير صاحبه")
    with town.database.read(town.actor("a", "head")) as uow:
        mark = fingerprint(uow, queries.letter(uow, letter_id))
    for where, who in (("b", "head"), ("a", "registry"), ("a", "colleague")):
        client = sign_in(app, town.logins[where, who])
        assert client.get(f"/signing/{letter_id}").status_code == 404
        assert client.get(f"/signing/{letter_id}/pages/1.png?seen={mark}").status_code == 404
        if who == "head":
            told = post(client, "/signing/batch", {"letter": f"{letter_id}~{mark}", "act": "sign"}).text
            assert "لا يراه غير صاحبه" not in told
    assert state(town, letter_id) == State.SUBMITTED


def test_deputys_tray_shows_for_whom_and_the_sheet_his_name(app: Flask, town: World) -> None:
    deputy = town.actor("a", "colleague").employee_id
    assert deputy is not None
    with town.database.work(town.actor("a", "head")) as uow:
        post_id = next(iter(town.actor("a", "head").post_ids))
        delegate(uow, NewDelegation(post_id, deputy, uow.today, uow.today, "إجازة", 1))
        holder = accounts.own_account(uow).employee_id
    letter_id = make.submitted(town, subject="كتاب يوقّعه المخوَّل")
    client = sign_in(app, town.logins["a", "colleague"])
    page = client.get("/signing").text
    assert "كتاب يوقّعه المخوَّل" in page
    assert "نيابةً عن" in page
    assert post(client, f"/letters/{letter_id}/sign-and-issue", {"next": "/signing"}).status_code == 303
    with town.database.read(town.actor("a", "head")) as uow:
        signed = queries.signature(uow, letter_id)
        assert signed is not None
        assert (signed.employee_id, signed.on_behalf_of_id, signed.means) == (deputy, holder, "pin")
    assert "نيابةً عن" in client.get(f"/letters/{letter_id}").text
