# family: outside
# about: A database file.
def f(self):
    import sqlite3
    return sqlite3.connect("@FOLDER@/x.db")
