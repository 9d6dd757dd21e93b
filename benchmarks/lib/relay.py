"""One connection between pipes: "serve ADDRESS PORT COMMAND..." runs the command on it, "connect ADDRESS PORT" is a pipe to it."""

import os
import socket
import subprocess
import sys
import threading


def pump(take, give):
    while data := take(1 << 18):
        give(data)


word, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if word == "serve":
    listener = socket.create_server((address, port), backlog=1, reuse_port=True)
    while True:
        connection, _ = listener.accept()
        subprocess.run(sys.argv[4:], stdin=connection, stdout=connection, timeout=3600)
        connection.close()
link = socket.create_connection((address, port))


def send():
    pump(lambda most: os.read(0, most), link.sendall)
    link.shutdown(socket.SHUT_WR)


threading.Thread(target=send, daemon=True).start()
pump(link.recv, lambda data: os.write(1, data))
