"""The command line: for hands and for scripts.

    main      the table of commands, and what an error becomes
    options   the options that commands share, and opening an image as they say
    reading   arguments and examples as people type them
    show      tables, sources and trees on a terminal; one JSON document for programs
    run       the daemon, and the First Conversation
    stages    what the First Conversation is doing, told from events
    talking   create, teach, send, ask
    memory    ingest, search, forget, documents
    looking   inspect, history, why, undo
    past      at, diff, fork
    deciding  missions, approve, refuse
    tending   status, heartbeat
    adapters  the adapters of a model in this process
    care      doctor, pack, backup, restore, export, import, erase

Modules import what is heavy inside their commands, so that `batos --help` is quick.
"""
