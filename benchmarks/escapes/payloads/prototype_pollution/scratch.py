# family: prototype pollution
# about: The scratch slot of a running cycle.
def f(self):
    self._tmp_synthesis_data = {"final_response": {"value": "mine"}}
    self._p_changed = True
    return self._tmp_synthesis_data
