# family: codecs
# about: A coding cookie that makes the rest mean something else.
# -*- coding: utf-7 -*-
def f(self):
    return 1 # +AAo-    import os
