"""Messages that come at the same moment, right after the start, are all understood."""

import subprocess
import sys

_AT_ONCE = """
import sys, threading
from mailgw import letter_xml
begin, wrong = threading.Barrier(8), []
def read():
    begin.wait()
    try:
        letter_xml.read_xml(b'<letter xmlns="urn:diwan:letter:1"/>')
    except xml_parts.XmlError as error:
        if error.code == "package.xml-invalid":
            return
    except Exception as error:
        wrong.append(repr(error))
        return
    wrong.append("taken for valid")
threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(str(wrong) if wrong else 0)
"""


def test_first_messages_at_once_do_not_break_the_schema() -> None:
    for _ in range(8):  # the first use of the schema was where threads met: each round is a fresh process
        done = subprocess.run([sys.executable, "-c", _AT_ONCE], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
