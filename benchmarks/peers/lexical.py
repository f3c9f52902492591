"""tantivy and bm25s over the same texts and questions: JSON in on standard input, JSON out on the last line.

Runs in an environment of its own, which knows nothing of batos.
"""

import json
import sys

import bm25s
import Stemmer
import tantivy


def tantivy_answers(texts, questions, limit):
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=True, indexed=True, fast=True)
    builder.add_text_field("body", stored=False, tokenizer_name="en_stem")
    index = tantivy.Index(builder.build())
    writer = index.writer(64 << 20, num_threads=1)
    for row, text in enumerate(texts):
        document = tantivy.Document()
        document.add_unsigned("row", row)
        document.add_text("body", text)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    found = {}
    for question, words in questions.items():
        hits = searcher.search(index.parse_query(words, ["body"]), limit).hits if words else []
        found[question] = [searcher.doc(address)["row"][0] for _, address in hits]
    return found


def bm25s_answers(texts, questions, limit):
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    found = {}
    for question, words in questions.items():
        tokens = bm25s.tokenize([words], stopwords="en", stemmer=stemmer, show_progress=False, return_ids=False)
        known = [[token for token in tokens[0] if token in index.vocab_dict]]
        if not known[0]:
            found[question] = []
            continue
        rows, scores = index.retrieve(known, k=min(limit, len(texts)), show_progress=False)
        found[question] = [int(row) for row, score in zip(rows[0], scores[0], strict=True) if score > 0]
    return found


def main():
    given = json.load(sys.stdin)
    arguments = (given["texts"], given["questions"], given["limit"])
    print(json.dumps({"tantivy": tantivy_answers(*arguments), "bm25s": bm25s_answers(*arguments)}))


if __name__ == "__main__":
    main()
