"""The Synaptic Bridge: how programs outside the daemon reach it.

    messages    every message as a type
    kinds       the one table that says who may send a message and how a form for it looks
    documents   that table as Markdown, for memory: the workbench is generated from what memory returns
    forms       how a message can be filled in by a person
    wire        bytes to messages and back, sizes and depths
    dialogue    a client's half of the conversation
    sessions    events waiting for one client, their numbers and gaps
    clients     who is connected, and whose session is where
    limits      the figures that bound a client
    rundir      the run directory, the sockets' paths and the connection file
    handlers    a message to a call on the system, and the answer back
    events      what the runtime tells, as the events that are sent
    loop        every message that comes in, in one event loop
    delivery    everything that goes out, waiting for nobody
    server      the paths and the thread that owns the sockets
    daemon      an image, its workers, its bridge and its heartbeat in one process
    client      the blocking client for Python programs

The bridge listens on `ipc://` only, inside directories that nobody but the user can enter; who may do what follows
from which socket a client can reach. Against other programs of the same user that is no protection. TCP needs keys
(CURVE with ZAP), which the bridge does not have yet, so it refuses to be anywhere else.
"""
