"""What every KeyStore adapter must do."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pkcs11
import pytest

from crypto.errors import DecryptionError, KeyUnavailable
from crypto.keystore import KeyStore, root_version
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.keystore_pkcs11 import Pkcs11KeyStore
from crypto.signatures import verify

Open = Callable[[], KeyStore]


SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "20260101"


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """Labels of fresh tokens of SoftHSM2: made before the library is loaded, which looks for them only then."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        labels = [f"diwan-{number}" for number in range(32)]
        for label in labels:
            subprocess.run(
                ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", PIN, "--pin", PIN],
                check=True, capture_output=True,
            )  # fmt: skip
        yield iter(labels)


@pytest.fixture(params=["file", "pkcs11"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A function that opens the same fresh store again, as another process would."""
    if request.param == "pkcs11":
        token = next(request.getfixturevalue("tokens"))
        return lambda: Pkcs11KeyStore(SOFTHSM, token=token, pin=PIN, lock=tmp_path / "lock")
    secret = os.urandom(32)
    create_key_file(tmp_path / "keys", secret)
    return lambda: FileKeyStore(tmp_path / "keys", secret)


@pytest.fixture
def store(open_store: Open) -> KeyStore:
    return open_store()


def test_a_wrapped_key_unwraps_in_another_opening(store: KeyStore, open_store: Open) -> None:
    wrapped = store.wrap(b"k" * 32, b"edms/1/ekek|e|1")
    assert b"k" * 32 not in wrapped
    assert open_store().unwrap(wrapped, b"edms/1/ekek|e|1") == b"k" * 32


def test_another_context_or_altered_bytes_are_refused(store: KeyStore) -> None:
    wrapped = store.wrap(b"k" * 32, b"e|1")
    with pytest.raises(DecryptionError):
        store.unwrap(wrapped, b"e|2")
    for position in range(4, len(wrapped)):
        with pytest.raises(DecryptionError):
            store.unwrap(wrapped[:position] + bytes([wrapped[position] ^ 1]) + wrapped[position + 1 :], b"e|1")
    for length in range(len(wrapped)):
        with pytest.raises(DecryptionError):
            store.unwrap(wrapped[:length], b"e|1")


def test_an_unknown_root_version_is_unavailable(store: KeyStore) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-version"):
        store.unwrap(b"\0\0\0\x63" + store.wrap(b"k" * 32, b"c")[4:], b"c")


def test_rotation_keeps_old_wraps_and_moves_new_ones(store: KeyStore, open_store: Open) -> None:
    other = open_store()
    old = store.wrap(b"k" * 32, b"c")
    assert store.rotate() == 2
    new = store.wrap(b"k" * 32, b"c")
    assert old[:4] != new[:4] == other.wrap(b"k" * 32, b"c")[:4]
    assert {other.unwrap(old, b"c"), other.unwrap(new, b"c"), open_store().unwrap(old, b"c")} == {b"k" * 32}
    assert other.rotate() == 3


def test_a_forgotten_root_opens_nothing_anywhere_and_the_others_go_on(store: KeyStore, open_store: Open) -> None:
    other, idle = open_store(), open_store()
    old = other.wrap(b"k" * 32, b"c")
    assert idle.unwrap(old, b"c") == b"k" * 32  # it knows version 1 and asks nothing until that is gone
    assert (store.roots(), store.rotate(), store.rotate()) == ((1,), 2, 3)
    new = other.wrap(b"k" * 32, b"c")
    assert root_version(old) == 1
    assert root_version(new) == 3
    store.forget(1)
    store.forget(1)
    store.forget(2)
    assert root_version(idle.wrap(b"k" * 32, b"c")) == 3
    for each in (store, other, idle, open_store()):
        assert each.roots() == (3,)
        assert each.unwrap(new, b"c") == b"k" * 32
        assert root_version(each.wrap(b"k" * 32, b"c")) == 3
        with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-version"):
            each.unwrap(old, b"c")
    assert open_store().rotate() == 4


def test_the_newest_root_is_not_forgotten(store: KeyStore) -> None:
    store.rotate()
    wrapped = store.wrap(b"k" * 32, b"c")
    with pytest.raises(KeyUnavailable, match=r"keystore\.newest-version"):
        store.forget(2)
    assert store.unwrap(wrapped, b"c") == b"k" * 32


def test_a_signing_key_is_made_once_and_signs(store: KeyStore, open_store: Open) -> None:
    store.create("ca-root")
    public = store.public_key("ca-root")
    store.create("ca-root")
    open_store().create("ca-root")
    assert open_store().public_key("ca-root") == store.public_key("ca-root") == public
    signature = open_store().sign("ca-root", b"data")
    assert verify(public, b"data", signature)
    assert not verify(public, b"other", signature)


def test_two_openings_do_not_lose_each_others_keys(store: KeyStore, open_store: Open) -> None:
    other = open_store()
    store.create("log")
    other.create("tsa")
    store.rotate()
    assert verify(store.public_key("tsa"), b"x", store.sign("tsa", b"x"))
    assert verify(other.public_key("log"), b"x", other.sign("log", b"x"))
    assert other.wrap(b"k", b"c")[:4] == store.wrap(b"k", b"c")[:4]


def test_an_unknown_name_is_unavailable(store: KeyStore) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-name"):
        store.sign("absent", b"x")
    with pytest.raises(KeyUnavailable, match=r"keystore\.unknown-name"):
        store.public_key("absent")


@pytest.mark.parametrize("name", ["", "../x", "Ca", "a b", "x" * 65, "ختم"])
def test_a_name_that_is_not_one_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.bad-name"):
        store.create(name)


_MAKER = """
import sys; from pathlib import Path; from crypto.keystore_pkcs11 import Pkcs11KeyStore
store = Pkcs11KeyStore(Path(sys.argv[1]), token=sys.argv[2], pin=sys.argv[3], lock=Path(sys.argv[4]))
store.create("seal-100234-1"); print(store.public_key("seal-100234-1").hex())
"""


def test_processes_that_make_the_same_key_in_a_token_get_one(tokens: Iterator[str], tmp_path: Path) -> None:
    arguments = [str(SOFTHSM), next(tokens), PIN, str(tmp_path / "lock")]
    makers = [
        subprocess.Popen([sys.executable, "-c", _MAKER, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [maker.communicate(timeout=60)[0].strip() for maker in makers]
    assert len(set(answers)) == 1
    assert len(bytes.fromhex(answers[0])) == 91


def test_a_forked_process_goes_on_with_the_token(tokens: Iterator[str], tmp_path: Path) -> None:
    store = Pkcs11KeyStore(SOFTHSM, token=next(tokens), pin=PIN, lock=tmp_path / "lock")
    wrapped = store.wrap(b"k" * 32, b"c")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, store.unwrap(wrapped, b"c"))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 64) == b"k" * 32
    os.close(reading)
    os.close(writing)
    assert store.unwrap(wrapped, b"c") == b"k" * 32


def test_keys_of_a_token_cannot_be_read_out_of_it(tokens: Iterator[str], tmp_path: Path) -> None:
    store = Pkcs11KeyStore(SOFTHSM, token=(label := next(tokens)), pin=PIN, lock=tmp_path / "lock")
    store.create("ca-issuing")
    session = pkcs11.lib(str(SOFTHSM)).get_token(token_label=label).open()
    secrets = {pkcs11.ObjectClass.SECRET_KEY, pkcs11.ObjectClass.PRIVATE_KEY}
    held = [each for each in session.get_objects() if each[pkcs11.Attribute.CLASS] in secrets]
    assert len(held) == 2
    for each in held:
        assert each[pkcs11.Attribute.SENSITIVE]
        assert not each[pkcs11.Attribute.EXTRACTABLE]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"token": "absent"}, "no-token"), ({"pin": "99999999"}, "wrong-secret"), ({"module": "/absent.so"}, "no-module")],
)
def test_a_token_that_cannot_be_opened_says_why(
    change: dict[str, str], code: str, tokens: Iterator[str], tmp_path: Path
) -> None:
    told = {"module": str(SOFTHSM), "token": next(tokens), "pin": PIN, **change}
    with pytest.raises(KeyUnavailable, match=rf"keystore\.{code}"):
        Pkcs11KeyStore(Path(told["module"]), token=told["token"], pin=told["pin"], lock=tmp_path / "lock")
