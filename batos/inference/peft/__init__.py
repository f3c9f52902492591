"""A model in this process: one base model, one adapter per persona, three tiers of memory under a stated budget.

Without torch:

    tensors     the header of a safetensors file, read by our own parser; pickles are recognised and refused
    folder      a PEFT folder in and out of memory: checked, hashed, written again
    shape       what a model's config.json says about its parameters, its linear modules and its cache
    plan        what fits into a budget, and what to change if it does not
    library     cold: adapters in the image, with their versions
    tiers       warm and hot: who stays in RAM, and which slot holds what
    spec        `FOLDER#vram=6.9GB,context=8192`, as users write it
    tightening  a schema made so narrow that a model cannot run away in it

With torch, imported when a model is first used:

    slots       fixed places for adapters in the model, each one stretch of memory, filled by one copy
    model       the base model and its tokenizer
    decoding    the loop over tokens: batches, masks, seeds, stops, cancellation
    backend     all of it behind the port
    training    an adapter from examples, and the gate that it must pass
"""
