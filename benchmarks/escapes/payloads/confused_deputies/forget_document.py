# family: confused deputies
# about: A document forgotten.
def f(self):
    return self.catalog.unindex_document_("x")
