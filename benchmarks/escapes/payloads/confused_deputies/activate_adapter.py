# family: confused deputies
# about: An adapter made hot.
def f(self):
    return self.manager.activate_expert_("robin")
