"""The encoders: the ONNX graph computes what the weights say, a server's vectors are checked, a spec is told apart."""

import http.server
import json
import math
import threading

import pytest

import batos
from batos.errors import EmbedderFailed, EmbedderRefused, MissingExtra
from batos.image.image import Image
from batos.memory.catalog import find_document, index_document, lay_catalog
from batos.memory.embedding import open_embedder
from batos.memory.encoders.served import ServedEmbedder
from batos.memory.search import Searcher
from batos.settings import Settings

np = pytest.importorskip("numpy")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "owls", "sleep", "by", "day", "mice"]
HIDDEN, HEADS, WIDE, LAYERS, PLACES = 8, 2, 16, 2, 12


def bert_weights(seed=5):
    generator = np.random.default_rng(seed)

    def drawn(*shape):
        return generator.standard_normal(shape).astype(np.float32) * 0.5

    weights = {
        "embeddings.word_embeddings.weight": drawn(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": drawn(PLACES, HIDDEN),
        "embeddings.token_type_embeddings.weight": drawn(2, HIDDEN),
        "embeddings.LayerNorm.weight": 1 + drawn(HIDDEN),
        "embeddings.LayerNorm.bias": drawn(HIDDEN),
    }
    shapes = {
        **{f"attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")},
        "attention.output.dense": (HIDDEN, HIDDEN),
        "intermediate.dense": (WIDE, HIDDEN),
        "output.dense": (HIDDEN, WIDE),
    }
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        for part, shape in shapes.items():
            weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"] = drawn(*shape), drawn(shape[0])
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"] = 1 + drawn(HIDDEN), drawn(HIDDEN)
    return weights


def computed(weights, ids):
    """The encoder's equations, one text at a time and without padding."""

    def linear(state, name):
        return state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normal(state, name):
        centred = state - state.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    state = (
        weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][: len(ids)]
    )
    state = normal(state + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        query, key, value = (linear(state, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        seen = []
        for head in range(HEADS):
            part = slice(head * HIDDEN // HEADS, (head + 1) * HIDDEN // HEADS)
            raw = query[:, part] @ key[:, part].T / math.sqrt(HIDDEN // HEADS)
            shares = np.exp(raw - raw.max(-1, keepdims=True))
            seen.append(shares / shares.sum(-1, keepdims=True) @ value[:, part])
        attended = linear(np.concatenate(seen, axis=1), f"{name}.attention.output.dense")
        state = normal(attended + state, f"{name}.attention.output.LayerNorm")
        wide = linear(state, f"{name}.intermediate.dense")
        active = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        state = normal(linear(active, f"{name}.output.dense") + state, f"{name}.output.LayerNorm")
    mean = state.mean(0)
    return mean / np.linalg.norm(mean)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model folder as sentence-transformers writes it, with a tiny encoder."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    save_file = pytest.importorskip("safetensors.numpy").save_file
    tokenizers = pytest.importorskip("tokenizers")
    monkeypatch.setenv("BATOS_MODELS", str(tmp_path / "cache"))
    path = tmp_path / "tiny"
    path.mkdir()
    save_file(bert_weights(), path / "model.safetensors")
    config = {
        "model_type": "bert",
        "hidden_size": HIDDEN,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "max_position_embeddings": PLACES,
        "layer_norm_eps": 1e-12,
    }
    (path / "config.json").write_text(json.dumps(config))
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(path / "tokenizer.json"))
    return path


def test_the_graph_computes_what_the_equations_say_also_beside_longer_texts(folder):
    model = open_embedder(f"sentence-transformers:{folder}")

    found = model.passages(["owls sleep", "owls sleep by day", "mice"])

    weights = bert_weights()
    for row, ids in zip(found, ([2, 4, 5, 3], [2, 4, 5, 6, 7, 3], [2, 8, 3]), strict=True):
        assert np.allclose(row, computed(weights, ids), atol=1e-5)
    assert (model.dimension, model.longest, model.count_tokens("owls sleep")) == (HIDDEN, PLACES, 4)


def test_a_text_longer_than_the_window_is_cut_and_other_weights_are_another_model(folder):
    model = open_embedder(f"sentence-transformers:{folder}")
    long = model.query("owls " * 500)
    assert np.allclose(long, computed(bert_weights(), [2, *[4] * (PLACES - 2), 3]), atol=1e-5)

    pytest.importorskip("safetensors.numpy").save_file(bert_weights(seed=6), folder / "model.safetensors")
    assert open_embedder(f"sentence-transformers:{folder}").model_id != model.model_id


def test_a_memory_can_be_searched_with_it(folder, tmp_path):
    with Image.open(tmp_path / "image") as image:
        image.change("lay the catalog", lay_catalog)
        image.change("remember", lambda world: index_document(world, "owls", "owls sleep by day"))
        searcher = Searcher(image, open_embedder(f"sentence-transformers:{folder}"))
        try:
            (hit,) = searcher.search("mice by day")
            assert hit.explanation.cosine is not None
        finally:
            searcher.close()


def test_no_chunk_is_longer_than_its_window(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BATOS_EMBEDDING", f"sentence-transformers:{folder}")
    text = "owls sleep by day mice " * 20
    (tmp_path / "file.txt").write_text(text)
    with batos.open(tmp_path / "a.image", settings=Settings(heartbeat=False)) as uvm:
        uvm.ingest_text("text", text)
        uvm.ingest(tmp_path / "file.txt")
        with uvm.image.reading() as world:
            for document_id in ("text", "file.txt"):
                chunks = find_document(world, document_id).chunks
                assert "".join(chunk.text for chunk in chunks) == text
                assert max(uvm.searcher.embedder.count_tokens(chunk.text) for chunk in chunks) <= PLACES


@pytest.mark.parametrize("change", ["no config", "no bert", "no json"])
def test_a_folder_without_such_a_model_is_refused(folder, change):
    if change == "no config":
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_text("{" if change == "no json" else '{"model_type": "t5"}')

    with pytest.raises(EmbedderRefused):
        open_embedder(f"sentence-transformers:{folder}")


@pytest.mark.parametrize("spec", ["gpt", "openai:", "openai:ftp://x#m", "openai:http://127.0.0.1:1/v1", ""])
def test_what_names_no_model_is_refused_with_what_would(spec):
    with pytest.raises(EmbedderRefused):
        open_embedder(spec)


def test_the_default_model_says_how_it_is_set_up_and_auto_does_without(tmp_path, monkeypatch):
    monkeypatch.setenv("BATOS_MODELS", str(tmp_path))

    assert open_embedder("auto") is None
    assert open_embedder("none") is None
    with pytest.raises((EmbedderRefused, MissingExtra), match="batos memory setup"):
        open_embedder("minilm")


# A server


@pytest.fixture
def server():
    """Answers as it is told, and keeps what it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((self.path, asked, self.headers.get("Authorization")))
            status, body = served.answer(asked["input"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    served = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    served.asked = []
    served.answer = lambda texts: (200, vectors(texts))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def vectors(texts, length=3):
    rows = [{"index": at, "embedding": [float(len(text)), 1.0, 2.0][:length]} for at, text in enumerate(texts)]
    return json.dumps({"data": rows[::-1]}).encode()


@pytest.fixture
def served_model(server):
    model = ServedEmbedder(f"http://127.0.0.1:{server.server_port}/v1", "small")
    yield model
    model.close()


def test_a_server_is_asked_in_batches_and_its_vectors_get_length_one(server, served_model, monkeypatch):
    monkeypatch.setenv("BATOS_EMBEDDING_KEY", "secret")

    found = served_model.passages(["x" * at for at in range(1, 101)])

    assert found.shape == (100, 3)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert np.allclose(found[9], np.array([10, 1, 2]) / math.sqrt(105))
    assert [(path, len(body["input"]), key) for path, body, key in server.asked] == [
        ("/v1/embeddings", 64, "Bearer secret"),
        ("/v1/embeddings", 36, "Bearer secret"),
    ]


@pytest.mark.parametrize(
    "status, body, reason",
    [
        (500, b"", "status 500"),
        (302, b"", "status 302"),
        (200, b"<html>", "not JSON"),
        (200, b"{}", "no list of vectors"),
        (200, b'{"data": []}', "shape"),
        (200, b'{"data": [{"index": 0, "embedding": [NaN, 1, 2]}]}', "shape|JSON"),
    ],
)
def test_an_answer_that_is_none_fails_with_its_reason(server, served_model, status, body, reason):
    server.answer = lambda texts: (status, body)

    with pytest.raises(EmbedderFailed, match=reason):
        served_model.query("owl")


def test_vectors_that_change_their_length_are_refused(server, served_model):
    assert served_model.dimension == 3
    server.answer = lambda texts: (200, vectors(texts, length=2))

    with pytest.raises(EmbedderFailed, match="2 numbers now, and had 3"):
        served_model.query("owl")
