#!/usr/bin/env python3
"""An OCI runtime for a host that may not grant everything Docker asks for.

`docker run --privileged` asks for every capability the kernel knows, and fails as a whole where the host has given one up (CAP_SYS_RESOURCE,
say, in a virtual machine that bounds its root). What needs a missing capability is taken out of the container's config.json, then runc runs as usual.
"""
import json
import os
import sys

CAPABILITIES = (  # in the order of their bits, see capabilities(7)
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW "
    "IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD "
    "LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()


def granted():
    with open("/proc/self/status") as status:
        bounding = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
    return {"CAP_" + name for bit, name in enumerate(CAPABILITIES) if bounding >> bit & 1}


def bound(process, allowed):
    for capabilities in (process.get("capabilities") or {}).values():
        capabilities[:] = [c for c in capabilities if c in allowed]
    if "CAP_SYS_RESOURCE" not in allowed:
        process.pop("rlimits", None)  # raising a hard limit needs it,
        if (process.get("oomScoreAdj") or 0) < 0:  # and so does becoming less likely to be killed
            process["oomScoreAdj"] = 0


def rewrite(path, process_of):
    with open(path) as file:
        spec = json.load(file)
    bound(process_of(spec), granted())
    with open(path, "w") as file:
        json.dump(spec, file)


def main(args):
    for i, arg in enumerate(args):
        key, _, value = arg.partition("=")
        value = value or (args[i + 1] if i + 1 < len(args) else "")
        if key in ("--bundle", "-b"):  # create, run
            rewrite(os.path.join(value, "config.json"), lambda spec: spec["process"])
        if key in ("--process", "-p") and "exec" in args:
            rewrite(value, lambda spec: spec)
    os.execvp("runc", ["runc", *args])


if __name__ == "__main__":
    main(sys.argv[1:])
