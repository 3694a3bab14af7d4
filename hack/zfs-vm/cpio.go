package main

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"
)

// Types of files in a mode, as in stat(2).
const (
	typeDir  = 0o040000
	typeFile = 0o100000
	typeLink = 0o120000
	typeChar = 0o020000
)

// cpioWriter writes an archive in the format "newc", which the kernel unpacks
// as its first root (the kernel's driver-api/early-userspace/buffer-format).
type cpioWriter struct {
	w    *bufio.Writer
	n    int64
	ino  uint32
	dirs map[string]bool
	err  error
}

func newCPIO(w io.Writer) *cpioWriter {
	return &cpioWriter{w: bufio.NewWriterSize(w, 1<<20), dirs: map[string]bool{".": true, "/": true}}
}

func (c *cpioWriter) write(p []byte) {
	if c.err == nil {
		var n int
		n, c.err = c.w.Write(p)
		c.n += int64(n)
	}
}

func (c *cpioWriter) pad() {
	c.write(make([]byte, (4-c.n%4)%4))
}

// header begins a member, and makes the directories above it.
func (c *cpioWriter) header(name string, mode uint32, size int64, major, minor uint32) {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if dir := path.Dir(name); !c.dirs[dir] {
		c.dir(dir)
	}
	if size >= 1<<32 && c.err == nil {
		c.err = fmt.Errorf("%s is too large for cpio", name)
	}
	c.ino++
	c.write(fmt.Appendf(nil, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.ino, mode, 0, 0, 1, 0, size, 0, 0, major, minor, len(name)+1, 0, name))
	c.pad()
}

func (c *cpioWriter) dir(name string) {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if !c.dirs[name] {
		c.header(name, typeDir|0o755, 0, 0, 0)
		c.dirs[name] = true
	}
}

// char adds a character device.
func (c *cpioWriter) char(name string, major, minor uint32) {
	c.header(name, typeChar|0o600, 0, major, minor)
}

func (c *cpioWriter) link(name, target string) {
	c.header(name, typeLink|0o777, int64(len(target)), 0, 0)
	c.write([]byte(target))
	c.pad()
}

// file adds a file of a size in bytes.
func (c *cpioWriter) file(name string, mode uint32, size int64, r io.Reader) {
	c.header(name, typeFile|mode, size, 0, 0)
	if c.err != nil {
		return
	}
	n, err := io.Copy(c.w, r)
	c.n += n
	if err == nil && n != size {
		err = fmt.Errorf("%s has %d bytes, not %d", name, n, size)
	}
	c.err = err
	c.pad()
}

// close ends the archive.
func (c *cpioWriter) close() error {
	c.header("TRAILER!!!", 0, 0, 0, 0)
	if c.err == nil {
		c.err = c.w.Flush()
	}
	return c.err
}
