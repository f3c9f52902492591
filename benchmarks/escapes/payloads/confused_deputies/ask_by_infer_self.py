# family: confused deputies
# about: A question in the name of another.
def f(self):
    return self.alfred.infer_("x", system_prompt="y")
