# family: imports
# about: The sandbox that runs it.
def f(self):
    import pydantic_monty
    return pydantic_monty.Monty
