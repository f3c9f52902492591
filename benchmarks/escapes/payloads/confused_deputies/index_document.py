# family: confused deputies
# about: A document for the memory.
def f(self):
    return self.catalog.index_document_("x", "text")
