package main

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// libraries are where Debian's packages have shared libraries.
var libraries = []string{"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"}

// copyPrograms copies programs, and the libraries they load, from the tree of
// unpacked packages to another tree, at the same paths.
func copyPrograms(from, to string, programs ...string) error {
	copied := make(map[string]bool)
	for queue := programs; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if copied[name] {
			continue
		}
		copied[name] = true
		path := filepath.Join(from, name)
		if err := copyFile(path, filepath.Join(to, name), 0o755); err != nil {
			return err
		}
		needs, err := needed(path)
		if err != nil {
			return err
		}
		for _, soname := range needs {
			found, err := findLibrary(from, soname)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			queue = append(queue, found)
		}
	}
	return nil
}

// needed returns the names of the libraries of a program or library, and the
// path of its dynamic linker.
func needed(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			text := make([]byte, p.Filesz)
			if _, err := p.ReadAt(text, 0); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			names = append(names, strings.TrimRight(string(text), "\x00"))
		}
	}
	return names, nil
}

// findLibrary returns the path below the tree of a library, by its soname or,
// for the dynamic linker, its absolute path.
func findLibrary(tree, soname string) (string, error) {
	candidates := []string{strings.TrimPrefix(soname, "/")}
	if !strings.HasPrefix(soname, "/") {
		candidates = nil
		for _, dir := range libraries {
			candidates = append(candidates, dir+"/"+soname)
		}
	}
	for _, name := range candidates {
		// Links lead below the tree, as Debian makes relative ones.
		if _, err := os.Stat(filepath.Join(tree, name)); err == nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("no package has %s", soname)
}

// moduleFiles are the files of kernel modules, by the modules' names.
type moduleFiles map[string]string

func (m moduleFiles) depends(name string) ([]string, error) {
	path, ok := m[name]
	if !ok {
		return nil, fmt.Errorf("there is no module %s", name)
	}
	return moduleDepends(path)
}

// moduleDepends returns what a kernel module says it depends on.
func moduleDepends(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s is no kernel module", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return parseDependsOf(string(info)), nil
}

func parseDependsOf(modinfo string) []string {
	var names []string
	for entry := range strings.SplitSeq(modinfo, "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			names = append(names, strings.Split(strings.ReplaceAll(list, "-", "_"), ",")...)
		}
	}
	return names
}

// findModules returns the modules in some directories.
func findModules(dirs ...string) (moduleFiles, error) {
	modules := make(moduleFiles)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if name, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok && err == nil && d.Type().IsRegular() {
				modules[strings.ReplaceAll(name, "-", "_")] = path
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return modules, nil
}

// loadOrder returns the modules that are wanted, each after those it needs.
func loadOrder(depends func(name string) ([]string, error), wanted ...string) ([]string, error) {
	var order, pending []string
	var visit func(name string) error
	visit = func(name string) error {
		if slices.Contains(order, name) {
			return nil
		}
		if slices.Contains(pending, name) {
			return fmt.Errorf("module %s needs itself", name)
		}
		below, err := depends(name)
		if err != nil {
			return err
		}
		pending = append(pending, name)
		for _, d := range below {
			if err := visit(d); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		order = append(order, name)
		return nil
	}
	for _, name := range wanted {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}
