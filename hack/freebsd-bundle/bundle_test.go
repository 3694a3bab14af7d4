package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// module is a small module, as file names and texts.
var module = map[string]string{
	"go.mod":                         "module example.org/small\n\ngo 1.26.0\n",
	"deep/part/part.go":              "package part\n",
	"deep/part/part_test.go":         "package part\n\nimport \"testing\"\n\nfunc TestPart(t *testing.T) {}\n",
	"deep/part/testdata/a/data.json": "{}",
	"deep/part/part.conf.sample":     "part_enable=YES\n",
	"deep/part/rc.d/part":            "#!/bin/sh\n",
	"deep/part/.hidden":              "",
	"testdata/shared":                "shared",
	"untested/untested.go":           "package untested\n",
	"linux/linux_test.go":            "//go:build !freebsd\n\npackage linux\n\nimport \"testing\"\n\nfunc TestNo(t *testing.T) {}\n",
	"linux/linux.go":                 "package linux\n",
	"compiled/compiled.go":           "package compiled\n",
	"compiled/compiled_test.go":      "package compiled\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\n\nfunc Example() {}\n",
	"examples/tool/main.go":          "package main\n\nfunc main() {}\n",
	"hack/x/main.go":                 "package main\n\nfunc main() {}\n",
	"hack/torture/main.go":           "package main\n\nfunc main() {}\n",
	"internal/arrows/arrows_test.go": "package arrows\n\nimport \"testing\"\n\nfunc TestNo(t *testing.T) {}\n",
	".hidden/testdata/no":            "",
}

func TestBundle(t *testing.T) {
	dir := t.TempDir()
	for name, text := range module {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64}
	if !testing.Short() {
		machines["arm64"] = elf.EM_AARCH64
	}
	for arch, machine := range machines {
		t.Run(arch, func(t *testing.T) {
			var said strings.Builder
			require.NoError(t, run(t.Context(), []string{"-arch", arch}, &said))
			file := filepath.Join(dir, "dist", "freebsd-bundle-"+arch+".tar")
			require.Contains(t, said.String(), "1 test binaries, 2 programs, 2 testdata folders")

			members := readTar(t, file)
			top := "freebsd-bundle-" + arch + "/"
			var files []string
			for name := range members {
				files = append(files, strings.TrimPrefix(name, top))
			}
			require.ElementsMatch(t, []string{
				"run.sh", "tests", "suites", "bin/tool", "bin/torture", "tree/deep/part/go.test",
				"tree/deep/part/part.go", "tree/deep/part/part_test.go",
				"tree/deep/part/part.conf.sample", "tree/deep/part/rc.d/part",
				"tree/deep/part/testdata/a/data.json", "tree/testdata/shared",
			}, files)
			require.Equal(t, "deep/part\n", string(members[top+"tests"].data))
			require.Equal(t, "shared", string(members[top+"tree/testdata/shared"].data))
			for _, name := range []string{"bin/tool", "tree/deep/part/go.test"} {
				m := members[top+name]
				require.EqualValues(t, 0o755, m.mode)
				f, err := elf.NewFile(bytes.NewReader(m.data))
				require.NoError(t, err)
				require.Equal(t, machine, f.Machine)
				require.Equal(t, elf.ELFOSABI_FREEBSD, f.OSABI)
			}
		})
	}
}

// TestSameBundle: the same sources make the same file.
func TestSameBundle(t *testing.T) {
	tree := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(tree, "a"), []byte("a"), 0o600))
	var files [2][]byte
	for i := range files {
		path := filepath.Join(t.TempDir(), "x.tar")
		size, err := writeTar(path, "x", tree)
		require.NoError(t, err)
		files[i], err = os.ReadFile(path)
		require.NoError(t, err)
		require.Len(t, files[i], int(size))
		require.NoError(t, os.Chtimes(filepath.Join(tree, "a"), time.Time{}, time.Unix(1, 0)))
	}
	require.Equal(t, files[0], files[1])
}

func TestBrokenModule(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module["go.mod"]), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x_test.go"), []byte("package x\n\nfunc TestX() int { return \"\" }\n"), 0o644))
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	err := run(t.Context(), []string{"-o", filepath.Join(dir, "b.tar")}, io.Discard)
	require.ErrorContains(t, err, "x_test.go:3")
	require.NoFileExists(t, filepath.Join(dir, "b.tar"))
}

type member struct {
	mode int64
	data []byte
}

func readTar(t *testing.T, path string) map[string]member {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	members := map[string]member{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		require.NoError(t, err)
		if h.Typeflag == tar.TypeDir {
			continue
		}
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		members[h.Name] = member{h.Mode, data}
	}
}
