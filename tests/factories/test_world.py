"""The world that other tests begin with."""

from pathlib import Path

from edms.accounts import entry
from edms.accounts import service as accounts
from edms.core.actor import ANONYMOUS
from edms.entities import queries
from tests.factories.world import PASSWORD, make_world


def test_world_has_people_with_posts_on_every_database(tmp_path: Path, database_url: str) -> None:
    world = make_world(tmp_path, database_url)
    head = world.actor("a", "head")
    assert head.entity_id == world.entity_a.id
    assert head.entity_id is not None
    assert head.clearance == 3
    with world.database.read(head) as uow:
        assert head.employee_id is not None
        posts = queries.posts_held(uow, head.employee_id, head.entity_id, uow.today)
        assert {post.id for post in posts} == head.post_ids
        assert all(post.may_sign for post in posts)
    token = entry.enter(world.database, "Head.A", PASSWORD, client="test", address="127.0.0.1")
    with world.database.read(ANONYMOUS) as uow:
        found = accounts.actor_for_token(uow, token)
    assert found is not None
    assert (found.employee_id, found.roles, found.post_ids) == (head.employee_id, head.roles, head.post_ids)
