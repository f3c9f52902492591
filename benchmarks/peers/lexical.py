"""tantivy and bm25s over the same texts and questions: JSON in on standard input, JSON out on the last line.

Runs in an environment of its own, which knows nothing of batos. Given texts, it answers the questions; given a file of
texts, it says how long that takes.
"""

import json
import sys
import time
from pathlib import Path

import bm25s
import Stemmer
import tantivy

PER_COMMIT = 1_000  # a commit of tantivy's takes a tenth of a second
BM25S = {"stopwords": "en", "show_progress": False}


class Tantivy:
    def __init__(self, texts):
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("row", stored=True, indexed=True, fast=True)
        builder.add_text_field("body", stored=False, tokenizer_name="en_stem")
        self.index = tantivy.Index(builder.build())
        writer = self.index.writer(64 << 20, num_threads=1)
        for row, text in enumerate(texts):
            document = tantivy.Document()
            document.add_unsigned("row", row)
            document.add_text("body", text)
            writer.add_document(document)
            if row % PER_COMMIT == PER_COMMIT - 1:
                writer.commit()
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def ask(self, words, limit):
        hits = self.searcher.search(self.index.parse_query(words, ["body"]), limit).hits if words else []
        return [self.searcher.doc(address)["row"][0] for _, address in hits]


class Bm25s:
    def __init__(self, texts):
        self.size = len(texts)
        self.stemmer = Stemmer.Stemmer("english")
        self.index = bm25s.BM25(k1=1.2, b=0.75)
        self.index.index(bm25s.tokenize(texts, stemmer=self.stemmer, **BM25S), show_progress=False)

    def ask(self, words, limit):
        tokens = bm25s.tokenize([words], stemmer=self.stemmer, return_ids=False, **BM25S)
        known = [[token for token in tokens[0] if token in self.index.vocab_dict]]
        if not known[0]:
            return []
        rows, scores = self.index.retrieve(known, k=min(limit, self.size), show_progress=False)
        return [int(row) for row, score in zip(rows[0], scores[0], strict=True) if score > 0]


ENGINES = {"tantivy": Tantivy, "bm25s": Bm25s}


def answers(given):
    found = {}
    for name, engine in ENGINES.items():
        opened = engine(given["texts"])
        found[name] = {question: opened.ask(words, given["limit"]) for question, words in given["questions"].items()}
    return found


def times(given):
    texts = [json.loads(line) for line in Path(given["file"]).read_text("utf-8").splitlines()]
    return {name: _times(engine, texts, given) for name, engine in ENGINES.items()}


def _times(engine, texts, given):
    begun = time.perf_counter()
    opened = engine(texts)
    rate = len(texts) / (time.perf_counter() - begun)
    asked = []
    for words in given["questions"]:
        begun = time.perf_counter()
        opened.ask(words, given["limit"])
        asked.append((time.perf_counter() - begun) * 1e3)
    return {"rate": rate, "asked": asked}


def main():
    given = json.load(sys.stdin)
    print(json.dumps(times(given) if "file" in given else answers(given)))


if __name__ == "__main__":
    main()
