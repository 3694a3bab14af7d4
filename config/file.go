package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// File names of the stores, in the order they are looked for.
const (
	JSONFile        = "config.json"
	UCLFile         = "config"
	DefaultsJSON    = "defaults.json"
	DefaultsUCL     = "defaults"
	DefaultsLegacy  = ".default"  // iocage_legacy 1.8, UCL
	DefaultsDataset = ".defaults" // iocage_legacy 1.7, a dataset with properties
)

// maxSize bounds a configuration file; a THICK one has some 5 KiB.
const maxSize = 4 << 20

// Parse reads a configuration from text. An empty text is an empty
// configuration. A text that cannot be read at all is a *SyntaxError with its
// line and column (ErrMalformed); unknown keys and refused values are no error
// here, see Problems and Validate. ZFS has no text; see FromProperties.
func Parse(data []byte, format Format) (*Config, error) {
	c := &Config{format: format, origin: append([]byte{}, data...)}
	var err error
	switch format {
	case JSON:
		err = c.readJSON(c.origin)
	case UCL:
		err = c.readUCL(c.origin)
	default:
		err = fmt.Errorf("config: %s has no text form: %w", format, ErrNotStorable)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ReadFile reads one file; a name ending in .json is JSON and any other UCL.
// Besides what Parse returns, the error wraps fs.ErrNotExist or another
// operating system error, or ErrNotRegular. Symbolic links are not followed.
func ReadFile(path string) (*Config, error) {
	data, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	format := UCL
	if filepath.Ext(path) == ".json" {
		format = JSON
	}
	c, err := Parse(data, format)
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			syntax.Path = path
		}
		return nil, err
	}
	c.path = path
	return c, nil
}

// errReplaced: another file was there by the time it was opened.
var errReplaced = errors.New("replaced while it was opened")

// readRegular reads the file anew when a writer has just put another in its
// place, as every save does.
func readRegular(path string) ([]byte, error) {
	for try := 0; ; try++ {
		data, err := readOnce(path)
		if !errors.Is(err, errReplaced) || try == 20 {
			return data, err
		}
	}
}

func readOnce(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("config: %s: %w", path, ErrNotRegular)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil {
		return nil, err
	} else if !os.SameFile(info, now) {
		return nil, fmt.Errorf("config: %s: %w: %w", path, errReplaced, ErrNotRegular)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("config: %s: larger than %d bytes: %w", path, maxSize, ErrMalformed)
	}
	return data, nil
}

// ReadDir reads the configuration of the jail or release whose dataset is
// mounted at dir: config.json, else config. If neither exists the error wraps
// ErrNoConfig and fs.ErrNotExist; the caller then looks at the dataset's local
// ZFS properties (FromProperties) before it takes the resource for empty.
// Nothing is ever created.
func ReadDir(dir string) (*Config, error) { return readFirst(dir, JSONFile, UCLFile) }

// ReadDefaults reads the defaults of a root dataset mounted at dir:
// defaults.json, defaults, else legacy's .default. If none exists the error
// wraps ErrNoConfig; the caller then looks at the properties of the dataset
// .defaults below the root dataset, if there is one.
func ReadDefaults(dir string) (*Config, error) {
	return readFirst(dir, DefaultsJSON, DefaultsUCL, DefaultsLegacy)
}

func readFirst(dir string, names ...string) (*Config, error) {
	for _, name := range names {
		path := filepath.Join(dir, name)
		// A directory named config or defaults belongs to someone else.
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			continue
		}
		c, err := ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return nil, fmt.Errorf("config: %s: %w (%w)", dir, ErrNoConfig, fs.ErrNotExist)
}

// Encode is the text that a save writes. What was read comes back byte for
// byte as long as nothing changed; after a change, everything that was not
// changed keeps its text and its place. A ZFS configuration has no text and
// returns ErrNotStorable.
func (c *Config) Encode() ([]byte, error) {
	switch c.format {
	case JSON:
		return c.encodeJSON()
	case UCL:
		return c.encodeUCL()
	}
	return nil, fmt.Errorf("config: %s has no text form: %w", c.format, ErrNotStorable)
}

// WriteFile saves to a file: temporary file in the same directory, fsync,
// rename, fsync of the directory. An existing file keeps mode and owner, a new
// one gets 0644 as by iocage. Symbolic links are refused (ErrNotRegular). The
// path's name does not change the format.
func (c *Config) WriteFile(path string) error {
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, data, 0o644); err != nil {
		return err
	}
	c.saved(data)
	c.path = path
	return nil
}

// Save writes to config.json or config in dir, by Format. ZFS configurations
// are saved by the caller from PropertyChanges.
func (c *Config) Save(dir string) error { return c.WriteFile(filepath.Join(dir, fileName(c.format))) }

func fileName(format Format) string {
	if format == UCL {
		return UCLFile
	}
	return JSONFile
}

// saved takes what was written as what was read.
func (c *Config) saved(data []byte) {
	fresh := &Config{format: c.format, origin: data}
	var err error
	if c.format == UCL {
		err = fresh.readUCL(data)
	} else {
		err = fresh.readJSON(data)
	}
	if err == nil {
		fresh.path = c.path
		*c = *fresh
	}
}
