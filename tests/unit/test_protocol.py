"""Protocols: what is read, and that every malformed list is refused with its place."""

import pytest

from assay.data import Trial, read_protocol, write_protocol
from assay.errors import ProtocolError


@pytest.fixture
def protocol(tmp_path):
    def write(text):
        path = tmp_path / "protocol.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_columns_are_read_by_name_in_any_order(protocol):
    path = protocol("speaker,key,colour,path\nann,spoof,red,a/b.wav\n,bona_fide,,c.wav\n")
    first, second = read_protocol(path)
    assert (first.path, first.key, first.speaker, first.generator) == ("a/b.wav", "spoof", "ann", "")
    assert first.file == path.parent / "a" / "b.wav"
    assert second == Trial(path="c.wav", key="bona_fide", root=path.parent)


def test_order_is_kept(protocol):
    names = [f"{n}.wav" for n in (3, 1, 2)]
    path = protocol("path,key\n" + "".join(f"{name},spoof\n" for name in names))
    assert [trial.path for trial in read_protocol(path)] == names


def test_a_byte_order_mark_and_blanks_do_not_matter(protocol):
    (trial,) = read_protocol(protocol("\ufeffpath,key\r\n a.wav , spoof \r\n"))
    assert (trial.path, trial.key) == ("a.wav", "spoof")


def test_a_partition_is_picked(protocol):
    path = protocol("path,key,partition\na,spoof,train\nb,spoof,eval\nc,bona_fide,eval\n")
    assert [trial.path for trial in read_protocol(path, partition="eval")] == ["b", "c"]
    assert len(read_protocol(path)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has no column \['key', 'path'\]"),
        ("path,label\na,spoof\n", r"has no column \['key'\]; its columns are \['path', 'label'\]"),
        ("path,key\n", "lists no trials"),
        ("path,key\na.wav,fake\n", "line 2: key 'fake' is neither"),
        ("path,key\na.wav,spoof\nb.wav\n", "line 3: key '' is neither"),
        ("path,key\na.wav,spoof\n ,spoof\n", "line 3: the path is empty"),
        ("path,key\na.wav,spoof\na.wav,bona_fide\n", r"lists 'a\.wav' twice"),
        (b"path,key\n\xff.wav,spoof\n", "must be a UTF-8 CSV"),
        ('path,key\n"' + "a" * 200_000 + '",spoof\n', "cannot be read"),
    ],
)
def test_a_malformed_protocol_is_refused_with_the_place(protocol, text, message):
    path = protocol(text)
    with pytest.raises(ProtocolError, match=message) as caught:
        read_protocol(path)
    assert str(path) in caught.value.message


def test_an_unknown_partition_is_an_error_that_lists_the_known(protocol):
    path = protocol("path,key,partition\na,spoof,train\nb,spoof,eval\n")
    with pytest.raises(ProtocolError, match=r"no trials of partition 'test'; it has \['eval', 'train'\]"):
        read_protocol(path, partition="test")


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_a_protocol_that_cannot_be_opened_is_an_error(tmp_path, name):
    with pytest.raises(ProtocolError, match="cannot be read"):
        read_protocol(tmp_path / name)


def test_what_is_written_is_read_back(tmp_path):
    trials = [
        Trial("a.wav", "bona_fide", "eval", speaker="Ann, the first", language="en", licence='"CC0"', root=tmp_path),
        Trial("b/ü.wav", "spoof", generator="espeak", parent="a.wav", source="s", root=tmp_path),
    ]
    write_protocol(tmp_path / "list.csv", trials)
    assert read_protocol(tmp_path / "list.csv") == trials
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
