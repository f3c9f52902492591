# family: format walks
# about: string.Template, which formats too.
def f(self):
    import string
    return string.Template("$x").substitute(x=self.__dict__)
