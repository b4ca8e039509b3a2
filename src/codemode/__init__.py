"""codemode: let a language model write code instead of calling tools one by one."""
