package simhost

// passwd and group are the simulated machine's accounts, with the numbers that every
// FreeBSD has.
const (
	passwd = `root:*:0:0:Charlie &:/root:/bin/sh
daemon:*:1:1:Owner of many system processes:/root:/usr/sbin/nologin
operator:*:2:5:System &:/:/usr/sbin/nologin
bin:*:3:7:Binaries Commands and Source:/:/usr/sbin/nologin
www:*:80:80:World Wide Web Owner:/nonexistent:/usr/sbin/nologin
nobody:*:65534:65534:Unprivileged user:/nonexistent:/usr/sbin/nologin
`
	group = `wheel:*:0:root
daemon:*:1:
operator:*:5:root
bin:*:7:
dialer:*:68:
www:*:80:
nobody:*:65534:
`
)
