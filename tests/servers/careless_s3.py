"""An S3 of a kind, in memory, whose buckets each have a fault. usage: careless_s3.py PORT"""

import collections
import datetime
import email.utils
import hashlib
import http.server
import sys
import threading
import time

objects = {}
conflicts = set()
together = threading.Barrier(4, timeout=10)
visits = collections.Counter()  # by bucket and whether it was the probe, by key id and by path
BURST = [(503, "SlowDown"), (429, "TooManyRequests"), (500, "InternalError"), (502, "BadGateway"), (504, "Timeout")]
AHEAD = datetime.timedelta(minutes=20)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        ahead = AHEAD.total_seconds() if self.path.startswith("/skewed/") else 0
        return email.utils.formatdate(time.time() + ahead, usegmt=True)

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def error(self, status, code, before="", headers=()):
        self.answer(status, f"{before}<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode(), headers)

    def condition_holds(self):
        stored = objects.get(self.path)
        if "If-None-Match" in self.headers:
            return stored is None
        wanted = self.headers.get("If-Match")
        return wanted is None or (stored is not None and wanted.strip('"') == hashlib.md5(stored).hexdigest())

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/":
            return self.answer(200)
        bucket = self.path.split("/")[1]
        probing = "!~probe" in self.path.replace("%21", "!")
        if bucket == "visits":
            return self.answer(200, str(visits[self.path.split("/")[2]]).encode())
        visits[bucket + "-probing" * probing] += 1
        signed = datetime.datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        if bucket == "skewed" and abs(signed - datetime.datetime.utcnow() - AHEAD).total_seconds() > 300:
            return self.error(403, "RequestTimeTooSkewed")
        if bucket == "expired" and "Credential=OLD/" in self.headers["Authorization"]:
            return self.error(403, "ExpiredToken")
        key_id = self.headers["Authorization"].split("Credential=")[1].split("/")[0]
        visits[key_id] += 1
        if bucket == "aging" and visits[key_id] > 40:
            return self.error(403, "ExpiredToken")
        if bucket in ("moved", "elsewhere"):
            return self.error(301 if bucket == "moved" else 307, "Redirect", headers=[
                ("x-amz-bucket-region", "eu-west-9"), ("Location", f"http://{self.headers['Host']}/thief/")])
        visits[self.path] += 1
        if bucket == "bursts" and not probing and visits[self.path] % 10:
            return self.error(*BURST[visits[self.path] % len(BURST)])
        if bucket == "missing":
            return self.error(404, "NoSuchBucket")
        if bucket == "busy" and not probing:
            return self.error(503, "SlowDown")
        if bucket == "broken" and not probing:
            return self.error(500, "InternalError")
        if bucket == "twofaced" and not probing:
            return self.error(200, "InternalError" if self.command == "PUT" else "SlowDown", before="  \n")
        if self.command == "PUT":
            if bucket in ("conflict", "twice", "bursts") and not self.condition_holds():
                return self.error(412, "PreconditionFailed")
            if bucket == "conflict" and not probing and self.path not in conflicts:
                conflicts.add(self.path)
                return self.error(409, "ConditionalRequestConflict")
            objects[self.path] = body
            if bucket == "twice" and not probing:
                return self.error(412, "PreconditionFailed")
            if bucket == "silent" and not probing:
                return time.sleep(5)
            if bucket == "hangup" and not probing:
                self.close_connection = True
                return None
            return self.answer(200, headers=[("ETag", f'"{hashlib.md5(body).hexdigest()}"')])
        if self.command == "DELETE":
            objects.pop(self.path, None)
            return self.answer(204)
        if self.path not in objects:
            return self.error(404, "NoSuchKey")
        body = objects[self.path]
        if bucket == "together" and not probing:
            try:
                together.wait()
            except threading.BrokenBarrierError:
                together.reset()
                return self.error(500, "TooFew")
        tag = [("ETag", f'"{hashlib.md5(body).hexdigest()}"')]
        if bucket == "cut" and not probing:
            self.close_connection = True
            return self.answer(200, body[:-1], tag, len(body))
        if bucket == "rotten" and not probing:
            body = body[:-1] + bytes([body[-1] ^ 1])
        if bucket == "slow" and not probing:
            self.answer(200, body[:1], tag, len(body))
            for byte in body[1:]:
                time.sleep(0.1)
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            return None
        if bucket == "endless" and not probing:
            return self.answer(200, body, tag, 1 << 40)
        return self.answer(200, body, tag)

    do_GET = do_PUT = do_DELETE = serve


http.server.ThreadingHTTPServer.request_queue_size = 64
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
