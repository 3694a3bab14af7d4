package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// apt is a private root of apt(8): its lists and its idea of what is installed,
// which is nothing, are its own, and the machine's are left alone.
type apt struct {
	dir string
	out io.Writer
}

// run runs one of apt's programs on the private root, in a directory.
func (a apt) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	var options []string
	for _, o := range []string{
		"Dir::State::Lists=" + filepath.Join(a.dir, "lists"),
		"Dir::State::status=" + filepath.Join(a.dir, "status"),
		"Dir::Cache=" + filepath.Join(a.dir, "cache"),
		"Dir::Etc::SourceList=" + filepath.Join(a.dir, "sources.list"),
		"Dir::Etc::SourceParts=-",
		"Dir::Etc::Preferences=-",
		"Dir::Etc::PreferencesParts=-",
		"APT::Architecture=amd64",
		"APT::Architectures=amd64",
		"APT::Sandbox::User=root", // the downloads lie where _apt may not write
	} {
		options = append(options, "-o", o)
	}
	return command(ctx, dir, name, append(options, args...)...)
}

// command runs a program quietly and returns what it printed; an error has all
// that it said.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// The tests are linked statically, since the guest has few libraries.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "CGO_ENABLED=0")
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// resolve returns the names of the packages that the guest is made of, sorted,
// and a text that differs if their versions do. It asks Debian if what it knows
// is older than age.
func (a apt) resolve(ctx context.Context, age time.Duration) (names []string, versions string, err error) {
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return nil, "", err
		}
	}
	sources, err := a.sources(ctx)
	if err != nil {
		return nil, "", err
	}
	file, stamp := filepath.Join(a.dir, "sources.list"), filepath.Join(a.dir, "updated")
	old, _ := os.ReadFile(file)
	info, err := os.Stat(stamp)
	if string(old) != sources || err != nil || time.Since(info.ModTime()) > age {
		fmt.Fprintln(a.out, "+ apt-get update")
		err := errors.Join(os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o644), os.WriteFile(file, []byte(sources), 0o644))
		if err != nil {
			return nil, "", err
		}
		if _, err := a.run(ctx, "", "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"); err != nil {
			return nil, "", err
		}
		if err := os.WriteFile(stamp, nil, 0o644); err != nil {
			return nil, "", err
		}
	}
	text, err := a.run(ctx, "", "apt-cache", "depends", "--important", "--recurse", "linux-image-amd64", "linux-headers-amd64", "zfsutils-linux")
	if err != nil {
		return nil, "", err
	}
	names = choose(parseDepends(text))
	versions, err = a.run(ctx, "", "apt-get", slices.Concat([]string{"-q", "download", "--print-uris"}, names)...)
	return names, versions, err
}

// sources is a sources.list(5) with the machine's own mirrors of the Debian
// release it runs, and the component contrib added, where zfs-dkms is.
func (a apt) sources(ctx context.Context) (string, error) {
	codename, err := command(ctx, "", "sh", "-c", `. /etc/os-release && printf %s "${VERSION_CODENAME:-}"`) // os-release(5)
	if err != nil {
		return "", err
	}
	targets, err := command(ctx, "", "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	return sourcesFrom(targets, codename)
}

const debianKeys = "/usr/share/keyrings/debian-archive-keyring.gpg"

func sourcesFrom(targets, codename string) (string, error) {
	var lines []string
	for target := range strings.Lines(targets) {
		f := strings.Fields(target)
		if len(f) != 3 || f[2] != "main" {
			continue
		}
		if suite, _ := strings.CutPrefix(f[1], codename); suite != "" && suite != "-updates" && suite != "-security" {
			continue
		}
		option := ""
		if _, err := os.Stat(debianKeys); err == nil {
			option = "[signed-by=" + debianKeys + "] "
		}
		line := fmt.Sprintf("deb %s%s %s main contrib\n", option, f[0], f[1])
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if codename == "" || len(lines) == 0 {
		return "", fmt.Errorf("apt has no source of Debian %q, component main, among\n%s", codename, targets)
	}
	return strings.Join(lines, ""), nil
}

// parseDepends reads the output of apt-cache depends: each package and what it
// depends on, without alternatives but the first.
func parseDepends(text string) map[string][]string {
	all := make(map[string][]string)
	pkg, alternative := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			pkg, alternative = line, false
			continue
		}
		kind, name, ok := strings.Cut(strings.TrimLeft(line, " |"), ": ")
		if ok && (kind == "Depends" || kind == "PreDepends") {
			if !alternative && !strings.HasPrefix(name, "<") {
				all[pkg] = append(all[pkg], name)
			}
			alternative = strings.HasPrefix(line, " |")
		}
	}
	return all
}

// choose returns the packages of the guest, sorted: what the metapackages of
// the kernel mean now, and the libraries below zfsutils-linux. The scripts that
// come with it want more, such as python, which the guest does without.
func choose(depends map[string][]string) []string {
	names := []string{"zfs-dkms", "busybox-static"}
	var visit func(name string, want func(string) bool)
	visit = func(name string, want func(string) bool) {
		if slices.Contains(names, name) {
			return
		}
		names = append(names, name)
		for _, below := range depends[name] {
			if want(below) {
				visit(below, want)
			}
		}
	}
	visit("linux-image-amd64", func(n string) bool { return strings.HasPrefix(n, "linux-image-") })
	visit("linux-headers-amd64", func(n string) bool {
		return strings.HasPrefix(n, "linux-") && !strings.HasPrefix(n, "linux-compiler")
	})
	visit("zfsutils-linux", func(n string) bool { return strings.HasPrefix(n, "lib") || strings.HasPrefix(n, "zlib") })
	slices.Sort(names)
	return names
}

// unpack fetches packages and unpacks them into a directory.
func (a apt) unpack(ctx context.Context, names []string, to string) error {
	debs, err := os.MkdirTemp(a.dir, "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	fmt.Fprintf(a.out, "+ apt-get download %d packages\n", len(names))
	if _, err := a.run(ctx, debs, "apt-get", slices.Concat([]string{"-q", "download"}, names)...); err != nil {
		return err
	}
	files, err := os.ReadDir(debs)
	if err == nil && len(files) != len(names) {
		err = fmt.Errorf("%d files for %d packages", len(files), len(names))
	}
	for _, file := range files {
		if err == nil {
			_, err = command(ctx, debs, "dpkg-deb", "--extract", file.Name(), to)
		}
	}
	return err
}
