package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// diskSize is the size of each pool's disk, in bytes: that of the disk the
// recordings were made with. The files are sparse.
const diskSize = 20 << 30

// partitionTable is a master boot record with one partition, from 1 MiB to the
// disk's end. zpool(8) partitions whole disks itself, but then waits for
// udev(7), which the guest does not have.
func partitionTable() []byte {
	const sector, begin = 512, 1 << 20 / 512
	mbr := make([]byte, sector)
	entry := mbr[446:462]
	entry[4] = 0xbf // Solaris
	binary.LittleEndian.PutUint32(entry[8:], begin)
	binary.LittleEndian.PutUint32(entry[12:], diskSize/sector-begin)
	mbr[510], mbr[511] = 0x55, 0xaa
	return mbr
}

// machine is a run of the guest.
type machine struct {
	dir       string // for the disks and the tests' output
	kernel    string
	initramfs string
	timeout   time.Duration
	wanted    []string // names of tests
}

// run starts the guest, copies its console to w, waits until it powers off and
// judges its tests.
func (m machine) run(ctx context.Context, w io.Writer) error {
	for _, disk := range []string{"pool", "replay"} {
		if err := errors.Join(os.WriteFile(m.file(disk), partitionTable(), 0o644), os.Truncate(m.file(disk), diskSize)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.timeout, fmt.Errorf("the guest took longer than %v", m.timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", m.args()...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = errors.Join(cause, err)
		}
		return err
	}
	output, err := os.ReadFile(m.file("output"))
	if err != nil {
		return err
	}
	r := parseResults(string(output))
	fmt.Fprintln(w, r)
	return r.verify(m.wanted)
}

func (m machine) file(name string) string { return filepath.Join(m.dir, name) }

func (m machine) args() []string {
	options := []string{
		"console=ttyS0", "quiet", "panic=-1",
		"zfsvm.tests=^(" + strings.Join(m.wanted, "|") + ")$",
		fmt.Sprintf("zfsvm.timeout=%ds", int(m.timeout.Seconds())),
	}
	return []string{
		"-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", "2048",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none",
		"-kernel", m.kernel, "-initrd", m.initramfs, "-append", strings.Join(options, " "),
		"-serial", "stdio", "-serial", "file:" + m.file("output"),
		"-drive", "if=virtio,format=raw,cache=unsafe,file=" + m.file("pool"),
		"-drive", "if=virtio,format=raw,cache=unsafe,file=" + m.file("replay"),
	}
}

// results are what the tests of a run came to.
type results struct {
	passed, failed, skipped []string
	exit                    string // "" if they did not end
}

var resultLine = regexp.MustCompile(`(?m)^(?: *--- (PASS|FAIL|SKIP): (\S+)|exit (\S+))`)

// parseResults reads the output of a test binary run with -test.v.
func parseResults(output string) results {
	var r results
	for _, found := range resultLine.FindAllStringSubmatch(output, -1) {
		switch found[1] {
		case "PASS":
			r.passed = append(r.passed, found[2])
		case "FAIL":
			r.failed = append(r.failed, found[2])
		case "SKIP":
			r.skipped = append(r.skipped, found[2])
		default:
			r.exit = found[3]
		}
	}
	return r
}

func (r results) String() string {
	return fmt.Sprintf("zfs-vm: tests: %d passed, %d failed, %d skipped", len(r.passed), len(r.failed), len(r.skipped))
}

// verify returns an error unless all tests that are wanted have passed and
// none was skipped.
func (r results) verify(wanted []string) error {
	var errs []error
	add := func(format string, values ...any) { errs = append(errs, fmt.Errorf(format, values...)) }
	for _, name := range wanted {
		if !slices.Contains(r.passed, name) {
			add("%s did not pass", name)
		}
	}
	if len(r.failed) > 0 {
		add("failed: %s", strings.Join(r.failed, " "))
	}
	if len(r.skipped) > 0 {
		add("skipped: %s", strings.Join(r.skipped, " "))
	}
	switch r.exit {
	case "0":
	case "":
		add("the guest ended before its tests did")
	default:
		add("exit status %s", r.exit)
	}
	return errors.Join(errs...)
}
