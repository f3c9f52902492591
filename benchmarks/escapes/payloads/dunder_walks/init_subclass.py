# family: dunder walks
# about: A hook of the class machinery.
def f(self):
    return type(self).__init_subclass__
