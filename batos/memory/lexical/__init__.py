"""Words of an index: texts as tokens, postings of them in segments, and rows by the weights of BM25.

    words        texts taken in as rows, found again and ranked: what the indexes use
    weighing     the heaviest rows
    phrase       rows in which words stand side by side
    segments     postings in tables, and what is held in memory of them
    postings     the rows of each token, as arrays
    text_tokens  many texts as tokens at once
    word_table   words and their numbers, looked up by arrays
    tokens       a word's number, as SQLite's tokenizer has its stem
    tables       the tables of all this in an index

Knows rows and texts, neither chunks nor images.
"""
