# family: dunder walks
# about: How the receiver would be pickled.
def f(self):
    return self.__reduce_ex__(2)
