# family: confused deputies
# about: Questions to a model without end.
def f(self):
    while True:
        self.pllm.infer_("x")
