package config

func (c *Config) readUCL([]byte) error {
	return &SyntaxError{Line: 1, Column: 1, Reason: "UCL needs the parser of internal/ucl"}
}

func (c *Config) encodeUCL() ([]byte, error) { return c.origin, nil }
