"""The Morphic UI: the window that the system writes for itself from what its memory says.

    documents    the widget catalogue as documents for memory
    materials    forms and widgets read back from the passages that memory returned
    generator    the plan of a workbench, and its source: the built-in backend's skill for it
    audit        what a generated program may say, whoever wrote it
    launcher     a program under bubblewrap, on a display or off screen
    picture      the pixels of a rendered window: whether they show something, and as PNG
    acceptance   audit, run off screen with a real search, picture: a program passes all three or is refused
    showing      an accepted program for people: a window, or a picture
    kit          the widgets that a generated program is made of; the only part that draws

Nothing but the kit imports Kivy, so everything else works without the extra `ui`.
"""
