# family: unicode names
# about: A mark that turns the reading direction of a line.
def f(self):
    admin = False  # ‮ } ⁦ if admin
    return admin
