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

// Parse reads a configuration from text. Empty text is an empty configuration.
// Invalid syntax is a *SyntaxError with line and column (ErrMalformed); unknown
// keys and invalid values are not errors, see Problems and Validate. ZFS has no
// text form; see FromProperties.
func Parse(data []byte, format Format) (*Config, error) {
	c := &Config{content: content{format: format, origin: append([]byte{}, data...)}}
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
// Besides the errors of Parse, the error can wrap fs.ErrNotExist or another
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
	if syntax, ok := errors.AsType[*SyntaxError](err); ok {
		syntax.Path = path
	}
	if err != nil {
		return nil, err
	}
	c.path = path
	return c, nil
}

// errReplaced: the file was replaced before it was opened.
var errReplaced = errors.New("replaced while it was opened")

// readRegular tries again when a writer has just replaced the file, as every save
// does.
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
// ZFS properties (FromProperties) before it considers the resource empty.
// Nothing is created.
func ReadDir(dir string) (*Config, error) { return readFirst(dir, JSONFile, UCLFile) }

// ReadDefaults reads the defaults of a root dataset mounted at dir:
// defaults.json, defaults, else legacy's .default. If none exists the error
// wraps ErrNoConfig; the caller then looks at the properties of the dataset
// .defaults below the root dataset, if there is one.
func ReadDefaults(dir string) (*Config, error) {
	c, err := readFirst(dir, DefaultsJSON, DefaultsUCL, DefaultsLegacy)
	if err == nil {
		c.defaults = true
	}
	return c, err
}

func readFirst(dir string, names ...string) (*Config, error) {
	for _, name := range names {
		path := filepath.Join(dir, name)
		// A directory named config or defaults is not ours.
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

// Encode returns the text that a save writes. Without changes it is the text that
// was read, byte for byte; with changes, everything else keeps its text and its
// place. A ZFS configuration has no text form: ErrNotStorable.
func (c *Config) Encode() ([]byte, error) {
	c = c.view()
	switch c.format {
	case JSON:
		return c.encodeJSON()
	case UCL:
		return c.encodeUCL()
	}
	return nil, fmt.Errorf("config: %s has no text form: %w", c.format, ErrNotStorable)
}

// writeFile saves to a file: temporary file in the same directory, fsync,
// rename, fsync of the directory. An existing file keeps its mode and owner, a new
// one gets mode 0644 as in iocage. Symbolic links are rejected (ErrNotRegular).
// The file's name does not affect the format.
func (c *Config) writeFile(path string) error {
	c = c.view()
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, data, 0o644); err != nil {
		return err
	}
	defaults := c.defaults
	if fresh, err := Parse(data, c.format); err == nil {
		c.content = fresh.content
	}
	c.path, c.defaults = path, defaults
	return nil
}

// Save writes to config.json or config in dir, by Format; what ReadDefaults has read, to
// the file that it was read from, and new defaults to defaults.json. ZFS configurations
// are saved by the caller from PropertyChanges; here they are ErrNotStorable.
//
// Defaults are also ErrNotStorable where another file would count before theirs.
func (c *Config) Save(dir string) error {
	now := c.view()
	if first := filepath.Join(dir, DefaultsJSON); now.defaults && now.file() != DefaultsJSON {
		if _, err := os.Lstat(first); err == nil {
			return fmt.Errorf("config: %s counts before %s: %w", first, now.file(), ErrNotStorable)
		}
	}
	return c.writeFile(filepath.Join(dir, now.file()))
}

// file is the name of the file that the configuration belongs in.
func (c *Config) file() string {
	switch {
	case !c.defaults:
		return c.format.File()
	case c.path != "":
		return filepath.Base(c.path)
	case c.format == UCL:
		return DefaultsUCL
	}
	return DefaultsJSON
}

// File returns the name of the file that holds a configuration of this format.
func (f Format) File() string {
	if f == UCL {
		return UCLFile
	}
	return JSONFile
}
