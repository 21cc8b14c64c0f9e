namespace WirePS.Module.Output;

/// <summary>
/// The file of a pairing as the target of an error. Its name is the pairing's code while that is a secret, so only <see cref="Path"/> tells it;
/// shown as text it is masked.
/// </summary>
/// <param name="path">The file.</param>
public sealed class WirePairFile(string path)
{
    private const int Shown = 2;
    private const int IdLength = 32;

    /// <summary>The file.</summary>
    public string Path { get; } = path;

    /// <inheritdoc/>
    public override string ToString()
    {
        var name = System.IO.Path.GetFileName(Path);
        var masked = IsId(System.IO.Path.GetFileNameWithoutExtension(name)) ? name : name[..Math.Min(Shown, name.Length)] + "-******.json";
        return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path) ?? "", masked);
    }

    // An ended pairing whose code is gone stands under its id, which is no secret.
    private static bool IsId(string name) => name.Length == IdLength && name.All(char.IsAsciiHexDigitLower);
}
