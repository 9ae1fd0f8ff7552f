"""Swift's four servers in one process, over one device. usage: swift_in_one.py FOLDER PORT CACHE_PORT SECRET_KEY"""

import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi
from pathlib import Path
from swift.common import utils
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

folder, port, cache_port, secret_key = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
PARTS = ("account", "container", "object")


def write_settings(name, text):
    (folder / f"{name}.conf").write_text(f"[DEFAULT]\nswift_dir = {folder}\ndevices = {folder}/devices\n"
                                         f"mount_check = false\n{text}")


def write_ring(name, listener):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"region": 0, "zone": 0, "ip": "127.0.0.1", "port": listener.getsockname()[1], "device": "one",
                     "weight": 1})
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{name}.ring.gz"))


(folder / "devices" / "one").mkdir(parents=True)
(folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = dr\n"
                                   "[storage-policy:0]\nname = one\ndefault = yes\n")
utils.set_swift_dir(str(folder))
os.fsync = lambda file: None  # what is stored need not outlive the run
listeners = {}
for part in PARTS:
    write_settings(part, f"[app:main]\nuse = egg:swift#{part}\n")
    listeners[part] = eventlet.listen(("127.0.0.1", 0))
    write_ring(part, listeners[part])
write_settings("proxy", f"""[pipeline:main]
pipeline = cache s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache_port}
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_dr_test = {secret_key} .admin
""")
listeners["proxy"] = eventlet.listen(("127.0.0.1", port))

threads = eventlet.GreenPool()
for name, listener in listeners.items():
    app = loadapp(str(folder / f"{name}.conf"), global_conf={"log_name": name})
    # S3's clients look for "ETag" as it is written.
    threads.spawn(wsgi.server, listener, app, (folder / f"{name}.log").open("w"), protocol=SwiftHttpProtocol,
                  capitalize_response_headers=False)
threads.waitall()
