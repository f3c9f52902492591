"""An image that somebody else made runs nothing: not when it is opened, read, followed, undone, resolved or packed.

Each payload is a real pickle that would leave a file behind if it ran, and the last test shows that it does run in an
ordinary unpickler. They are written past our own loader, as another program would write them.
"""

import os
import pickle
import time
from contextlib import suppress
from io import BytesIO

import pytest
import ZODB.blob
import ZODB.ConflictResolution
import ZODB.serialize
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob
from ZODB.Connection import TransactionMetaData

import batos
from batos.errors import BatosError, ChangedMeanwhile, ImageForeign, RecordRefused, RecordUnreadable
from batos.image.handles import Handle
from batos.image.history import history, undo
from batos.image.image import Image
from batos.image.loading import ADMITTED, admitted, read_facts, read_record
from batos.memory import catalog
from batos.memory.catalog import index_document
from batos.memory.records import MemoryChunk
from batos.memory.search import Searcher
from batos.objects.uvm_object import UvmObject
from contract.images import create, value

ROOT = b"\0" * 8


class Call:
    """Pickled, it calls `function` with `arguments` when it is loaded."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class CallByName:
    """The same, for what the pickling side need not have."""

    def __init__(self, module, name, *arguments):
        called = pickle.dumps(arguments, 3)[2:-1]  # without the protocol and the stop
        self.opcodes = f"c{module}\n{name}\n".encode() + called + b"R"


class Refers:
    """A reference to another record, of the class that it says."""

    def __init__(self, oid, cls):
        self.oid, self.cls = oid, cls


class Pickler(pickle._Pickler):
    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, CallByName):
            self.write(obj.opcodes)
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        return (obj.oid, obj.cls) if isinstance(obj, Refers) else None


def dumps(value):
    file = BytesIO()
    Pickler(file, 3).dump(value)
    return file.getvalue()


def calls(marker):
    """Ways to run something on loading, by what they name."""
    touch = f"touch '{marker}'"
    python = f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, touch),
        "builtins.eval": Call(eval, python),
        "builtins.eval, as Python 2 called it": CallByName("__builtin__", "eval", python),
        "builtins.exec": Call(exec, python),
        "a function of ours": Call(batos.open, str(marker)),
        "getattr of a class that is allowed": Call(getattr, UvmObject, "__init__"),
        "a function of persistent": CallByName("persistent.wref", "WeakRef", None),
        "copyreg": CallByName("copyreg", "_reconstructor", UvmObject, object, None),
        "copy_reg, as Python 2 called it": CallByName("copy_reg", "_reconstructor", UvmObject, object, None),
        "a class that is not in the table": CallByName("subprocess", "Popen", ["touch", str(marker)]),
        "a method of one that is": CallByName("batos.objects.uvm_object", "UvmObject.__init__", None),
        "a function beside one that is": CallByName("batos.objects.uvm_object", "put", None, "a", 1),
        "nothing at all": CallByName("no.such.module", "function"),
        "a module path with a trick": CallByName("os.path.os", "system", touch),
    }


CALLS = list(calls("nowhere"))
PLACES = {
    "state": lambda call: (UvmObject, {"name": call}),
    "deep in the state": lambda call: (UvmObject, {"name": ("a", [{"b": (call,)}])}),
    "key": lambda call: (UvmObject, {"name": {call: 1}}),
    "instead of a state": lambda call: (UvmObject, call),
    "class": lambda call: ((call, None), {"name": "harmless"}),
    "bare class": lambda call: (call, {"name": "harmless"}),
    "arguments of the class": lambda call: ((UvmObject, (call,)), {"name": "harmless"}),
    "class of a reference": lambda call: (UvmObject, {"name": Refers(ROOT, call)}),
    "id of a reference": lambda call: (UvmObject, {"name": Refers(call, UvmObject)}),
}


def record_of(place, call):
    cls, state = PLACES[place](call)
    return dumps(cls) + dumps(state)


def overwrite(image, oid, record, extension=b""):
    """Put `record` in the place of an object, as a program without our loader would; its transaction id."""
    instance = image.db._mvcc_storage.new_instance()
    try:
        instance.poll_invalidations()
        metadata = TransactionMetaData(extension=extension)
        _, serial = instance.load(oid)
        instance.tpc_begin(metadata)
        instance.store(oid, serial, record, "", metadata)
        instance.tpc_vote(metadata)
        return instance.tpc_finish(metadata)
    finally:
        instance.release()


@pytest.fixture(params=["sqlite", "file"])
def uri(request, tmp_path):
    return f"{request.param}:{tmp_path / 'image'}"


@pytest.fixture
def marker(tmp_path):
    """What a payload that ran leaves behind."""
    path = tmp_path / "it ran"
    yield path
    assert not path.exists(), "the payload ran"


@pytest.fixture
def image(uri):
    with Image.open(uri) as opened:
        opened.change("lay the catalog", catalog.lay_catalog)
        create(opened, "victim", {"name": "harmless"})
        create(opened, "bystander", {"name": "unharmed"})
        yield opened


def oid_of(image, name):
    with image.reading() as world:
        return world[name]._p_oid


# Every call, in every place: read by a connection and by the log


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", CALLS)
def test_no_record_runs_anything(marker, how, place):
    with pytest.raises(RecordRefused) as refused:
        read_record(record_of(place, calls(marker)[how]))
    message = str(refused.value)
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("place", PLACES)
def test_reading_the_object_is_refused_and_runs_nothing(image, marker, place):
    oid = oid_of(image, "victim")
    overwrite(image, oid, record_of(place, calls(marker)["os.system"]))

    for _ in range(2):
        with pytest.raises(BatosError) as refused:
            value(image, "victim", "name")
        assert str(refused.value).endswith(".")
    assert value(image, "bystander", "name") == "unharmed"


READERS = {
    "connection": lambda image, oid, change: value(image, "victim", "name"),
    "history": lambda image, oid, change: history(image, oid),
    "undo": lambda image, oid, change: undo(image, change),
    "log": lambda image, oid, change: [
        record.load() for logged in image.transactions_since(ROOT) for record in logged.records
    ],
    "past record": lambda image, oid, change: past(image, oid),
    "writing": lambda image, oid, change: image.change("w", lambda world: setattr(world["victim"], "name", 1)),
    "handle": lambda image, oid, change: Handle(image, oid).name,
}


def past(image, oid):
    with image.records() as load:
        return load(oid, None)


def searched(image):
    searcher = Searcher(image)
    try:
        return searcher.search("anything")
    finally:
        searcher.close()


@pytest.mark.parametrize("place", ["state", "bare class"])
@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_it_refuses_it(image, marker, reader, place):
    oid = oid_of(image, "victim")
    change = overwrite(image, oid, record_of(place, calls(marker)["os.system"])).hex()

    with pytest.raises(RecordRefused):
        READERS[reader](image, oid, change)


def test_a_text_index_that_follows_the_log_refuses_it(image, marker):
    def work(world):
        index_document(world, "owls", "Owls hoot.")

    image.change("remember", work)
    with image.reading() as world:
        chunk = catalog.find_chunk(world, "owls", 0)._p_oid
    overwrite(image, chunk, dumps(MemoryChunk) + dumps({"text": calls(marker)["os.system"]}))

    with pytest.raises(RecordRefused):
        searched(image)


def test_an_image_that_is_opened_with_it_is_open_and_only_that_object_is_not(uri, marker):
    with Image.open(uri) as image:
        create(image, "victim", {"name": "harmless"})
        create(image, "bystander", {"name": "unharmed"})
        overwrite(image, oid_of(image, "victim"), record_of("state", calls(marker)["os.system"]))

    with Image.open(uri, create=False) as image:
        assert value(image, "bystander", "name") == "unharmed"
        with pytest.raises(RecordRefused):
            value(image, "victim", "name")


# The root, and what stands beside the records


@pytest.mark.parametrize(
    "record",
    [
        lambda call: dumps(PersistentMapping) + dumps({"data": {"image": call}}),
        lambda call: dumps((call, None)) + dumps({"data": {}}),
        lambda call: dumps(call) + dumps({"data": {}}),
    ],
    ids=["state", "class", "bare class"],
)
def test_a_root_that_names_something_else_is_no_image(uri, marker, record):
    with Image.open(uri) as image:
        overwrite(image, ROOT, record(calls(marker)["os.system"]))

    with pytest.raises(ImageForeign, match="holds no batos image"):
        Image.open(uri)


def test_the_facts_of_a_transaction_run_nothing(image, marker):
    """ZODB reads them with an unpickler that would; so do its `history` and `undoLog`, which are not used here."""
    for call in calls(marker).values():
        facts = dumps({"mission": call})
        overwrite(image, oid_of(image, "victim"), dumps(UvmObject) + dumps({"name": "changed"}), facts)
        assert read_facts(facts) == {}

    assert [logged.info for logged in image.transactions_since(ROOT)][-len(CALLS) :] == [{}] * len(CALLS)
    assert {entry.mission for entry in history(image, oid_of(image, "victim"))} == {None}


def test_facts_that_are_no_map_or_no_pickle_are_none(image):
    for facts in (dumps("mission"), dumps(["a"]), b"garbage", b"\x80"):
        overwrite(image, oid_of(image, "victim"), dumps(UvmObject) + dumps({"name": "changed"}), facts)

    assert [logged.info for logged in image.transactions_since(ROOT)][-4:] == [{}] * 4


def test_an_index_file_runs_nothing_and_is_made_again(tmp_path, marker):
    uri = f"file:{tmp_path}/image"
    with Image.open(uri) as image:
        create(image, "victim", {"name": "harmless"})
    index = tmp_path / "image" / "objects" / "objects.fs.index"
    for call in calls(marker).values():
        for forged in (dumps(call), dumps(10**6) + dumps(call), dumps(4) + dumps((b"\0" * 6, call)) + dumps(None)):
            index.write_bytes(forged)
            with Image.open(uri) as image:
                assert value(image, "victim", "name") == "harmless"


# Conflict resolution


def pair(key, held):
    """The state of a tree that has this one key."""
    return ((((key, held),),),)


def test_a_conflict_with_a_hostile_tree_runs_nothing_and_keeps_nothing(image, marker):
    """ZODB resolves conflicts with an importer of its own, and RelStorage in a place of its own."""
    with image.reading() as world:
        names = world.root["world"]._p_oid

    def work():
        with image.transaction("create") as world:
            world.create("mine")
            overwrite(image, names, dumps(OOBTree) + dumps(pair("theirs", calls(marker)["os.system"])))

    with pytest.raises(ChangedMeanwhile):
        work()


def test_a_conflict_with_a_hostile_counter_runs_nothing(image, marker):
    for call in calls(marker).values():
        image.change("count", lambda world: setattr(world["victim"], "count", Length(1)))
        with image.reading() as world:
            counter = world["victim"].count._p_oid

        def work(counter=counter, call=call):
            with image.transaction("count") as world:
                world["victim"].count.change(1)
                overwrite(image, counter, dumps(Length) + dumps(call))

        with pytest.raises(ChangedMeanwhile):
            work()


def test_a_conflict_is_resolved_where_nothing_is_hostile(image):
    """Or the two tests above would show nothing."""
    image.change("count", lambda world: setattr(world["victim"], "count", Length(1)))
    with image.reading() as world:
        counter = world["victim"].count._p_oid

    with image.transaction("count") as world:
        world["victim"].count.change(1)
        overwrite(image, counter, dumps(Length) + dumps(10))

    assert value(image, "victim", "count") == 11


# What reads records without loading them


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize("place", PLACES)
def test_what_looks_for_references_and_blobs_runs_nothing(marker, how, place):
    record = record_of(place, calls(marker)[how])

    for scan in (ZODB.serialize.referencesf, ZODB.serialize.get_refs, blob_named):
        with suppress(Exception):  # what it makes of such a record does not matter; that it runs nothing does
            scan(record)


def blob_named(record):
    return ZODB.blob.is_blob_record(record + b"ZODB.blob")


def test_packing_runs_nothing(image, marker):
    for place in ("state", "bare class", "class of a reference"):
        victim = create(image, f"victim_of_{place.replace(' ', '_')}", {"name": "harmless"})
        overwrite(image, victim._oid, record_of(place, calls(marker)["os.system"]))
    for number in range(3):
        image.change("later", lambda world, number=number: setattr(world["bystander"], "name", str(number)))

    image.db.pack(time.time())

    assert value(image, "bystander", "name") == "2"


# What is not code, but not an image's either


GARBAGE = [
    b"",
    b"\x80\x03",
    b"garbage",
    dumps(UvmObject),
    dumps(5) + dumps({}),
    dumps(("a", "b", "c")) + dumps({}),
    dumps(()) + dumps({}),
    dumps(None) + dumps(None),
    dumps(UvmObject) + b"\x80\x03X\xff\xff\xff\x7fshort.",
    dumps(UvmObject) + b"\x80\x03" + b"(" * 100,
    dumps(UvmObject) + b"\x80\x03h\x07.",
]


@pytest.mark.parametrize("record", GARBAGE)
def test_a_record_that_is_garbage_is_refused_in_a_sentence(record):
    with pytest.raises(RecordUnreadable, match=r"A record of the image cannot be read \(.*Restore a backup"):
        read_record(record)


def test_an_object_whose_record_is_garbage_is_refused_and_the_rest_is_there(image):
    for record in filter(None, GARBAGE):
        overwrite(image, oid_of(image, "victim"), record)
        with pytest.raises(BatosError):
            value(image, "victim", "name")
    assert value(image, "bystander", "name") == "unharmed"


def test_a_state_that_is_no_state_is_refused_in_a_sentence(image):
    for state in (5, "text", [1], (1, 2), ({"name": "x"}, {"_p_oid": b"\0" * 8})):
        overwrite(image, oid_of(image, "victim"), dumps(UvmObject) + dumps(state))
        with pytest.raises(BatosError):
            value(image, "victim", "name")


def test_a_blob_that_says_where_its_file_is_does_not_get_it(image, tmp_path):
    """A record may make an allowed class, with a state of its own choice."""
    secret = tmp_path / "secret"
    secret.write_text("years of work")
    victim = oid_of(image, "victim")

    class Forged:
        def __reduce__(self):
            return Blob, (), {"_p_blob_committed": str(secret), "_p_blob_uncommitted": str(secret)}

    overwrite(image, victim, dumps(UvmObject) + dumps({"name": Forged()}))

    with image.reading() as world, world["victim"].name.open() as file:
        assert file.read() == b""
    assert secret.read_text() == "years of work"


def test_a_list_that_is_its_own_first_item_hangs_nobody(image):
    image.change("list", lambda world: setattr(world["victim"], "name", ["Ada"]))
    with image.reading() as world:
        oid = world["victim"].name._p_oid
    overwrite(image, oid, dumps(PersistentList) + dumps({"data": [Refers(oid, PersistentList)]}))

    with pytest.raises(BatosError, match="contains itself"):
        value(image, "victim", "name")


# The table


@pytest.mark.parametrize("pair", sorted(ADMITTED))
def test_everything_in_the_table_is_a_class_and_none_can_run_code(pair):
    cls = admitted(*pair)

    assert isinstance(cls, type)
    assert (cls.__module__.replace("_decimal", "decimal"), cls.__qualname__) == pair or cls.__module__.startswith(
        "BTrees"
    )
    assert not {"system", "eval", "exec", "open", "getattr"} & {cls.__name__}


def test_what_is_not_in_it_is_refused_even_from_the_same_module():
    for pair in (
        ("batos.objects.uvm_object", "put"),
        ("batos.objects.records", "Persistent"),
        ("builtins", "object"),
        ("builtins", "type"),
        ("builtins", "getattr"),
        ("datetime", "sys"),
        ("ZODB.blob", "BlobFile"),
        ("ZODB.broken", "Broken"),
    ):
        with pytest.raises(RecordRefused, match=rf"The image names {pair[0]}\.{pair[1]}, which is not a class"):
            admitted(*pair)


@pytest.mark.parametrize("how", ["os.system", "builtins.eval", "builtins.exec", "a class that is not in the table"])
def test_the_payloads_do_run_in_an_ordinary_unpickler(tmp_path, how):
    """Or the tests above would show nothing."""
    marker = tmp_path / "it ran"
    made = pickle.loads(dumps({"name": calls(marker)[how]}))["name"]
    if hasattr(made, "wait"):
        made.wait()

    assert marker.exists()
