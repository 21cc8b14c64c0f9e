namespace WirePS.Build;

/// <summary>Something that the person has to put right; said in one line.</summary>
internal sealed class BuildException(string message) : Exception(message);

/// <summary>The command line: a command, and options with a value.</summary>
internal sealed class Arguments
{
    // PowerShell's spelling of an option is taken as well.
    private static readonly Dictionary<string, string[]> OptionsOf = new(StringComparer.Ordinal)
    {
        ["install"] = ["destination"],
        ["bench"] = ["rounds", "only"],
    };

    private readonly Dictionary<string, string> _options = new(StringComparer.Ordinal);

    private Arguments(string command) => Command = command;

    public string Command { get; }

    public static Arguments Parse(string[] words)
    {
        var parsed = new Arguments(words.Length > 0 ? words[0].ToLowerInvariant() : "help");
        for (var i = 1; i < words.Length; i += 2)
        {
            var name = words[i].TrimStart('-').ToLowerInvariant();
            if (!words[i].StartsWith('-') || !OptionsOf.GetValueOrDefault(parsed.Command, []).Contains(name))
            {
                throw new BuildException($"'{parsed.Command}' takes no '{words[i]}'; './build.sh help' lists what it takes");
            }

            if (i + 1 >= words.Length)
            {
                throw new BuildException($"'{words[i]}' needs a value");
            }

            parsed._options[name] = words[i + 1];
        }

        return parsed;
    }

    public string? Option(string name) => _options.GetValueOrDefault(name);
}
