# family: confused deputies
# about: A method for all objects, learned on the way.
def f(self):
    return self.root.get_name()
