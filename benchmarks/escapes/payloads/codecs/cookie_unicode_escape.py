# family: codecs
# about: A coding cookie that reads escapes in comments.
# coding: unicode_escape
def f(self):
    return 1 # \n    import os
