"""The work of the commands, a module each, which `gan_lab.config.command` imports when there is something to do."""
