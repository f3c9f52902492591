# family: codecs
# about: A coding cookie for rot13.
# coding: rot13
qrs s(frys):
    erghea 1
