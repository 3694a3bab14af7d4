package config

// Replace makes c the configuration now: whoever holds c reads and changes now from
// here on. Goroutines that read c in the meantime see the one or the other, whole.
func (c *Config) Replace(now *Config) { c.replaced.Store(now.view()) }

// view returns the configuration that c is. A method that reads more than one field
// asks once.
func (c *Config) view() *Config {
	if now := c.replaced.Load(); now != nil {
		return now
	}
	return c
}
