namespace WirePS.Tests.Golden;

/// <summary>What a runner found.</summary>
internal enum GoldenResult
{
    /// <summary>Our answers are those of the file.</summary>
    Same,
    /// <summary>At least one differs.</summary>
    Different,
    /// <summary>The case is about something that this program does not do.</summary>
    NotOurs,
}

/// <summary>Result and, where it is not <see cref="GoldenResult.Same"/>, what differs or why it is not ours.</summary>
internal readonly record struct GoldenOutcome(GoldenResult Result, string? Detail = null)
{
    public static GoldenOutcome Same => new(GoldenResult.Same);

    public static GoldenOutcome NotOurs(string why) => new(GoldenResult.NotOurs, why);
}

/// <summary>Collects the answers of one case. Expectations that the case does not state are passed over.</summary>
internal sealed class GoldenAnswers(GoldenCase golden)
{
    private readonly List<string> _differences = [];

    public void Text(string member, Func<string?> actual)
    {
        if (golden.Data.TryGetProperty(member, out var expected))
        {
            Equal(member, expected.ValueKind == System.Text.Json.JsonValueKind.Null ? null : expected.GetString(), actual());
        }
    }

    public void Hex(string member, Func<byte[]> actual) => Text(member, () => Convert.ToHexStringLower(actual()));

    public void Base64(string member, Func<byte[]> actual) => Text(member, () => Convert.ToBase64String(actual()));

    public void Truth(string member, Func<bool> actual)
    {
        if (golden.Data.TryGetProperty(member, out var expected))
        {
            Equal(member, expected.GetBoolean(), actual());
        }
    }

    public void Equal<T>(string what, T expected, T actual)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            _differences.Add($"{what}: theirs {Show(expected)}, ours {Show(actual)}");
        }
    }

    public GoldenOutcome Outcome() => _differences.Count == 0 ? GoldenOutcome.Same : new(GoldenResult.Different, string.Join("; ", _differences));

    private static string Show<T>(T value)
    {
        var text = value?.ToString() ?? "nothing";
        return text.Length > 160 ? text[..160] + "…" : text;
    }
}
