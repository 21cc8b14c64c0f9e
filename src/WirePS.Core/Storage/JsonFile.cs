using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace WirePS.Storage;

/// <summary>
/// A private JSON file whose members outlive this version's knowledge of them: read as a tree, changed in place under a
/// lock, written in one step.
/// </summary>
/// <param name="files">The files.</param>
/// <param name="path">The file.</param>
/// <param name="lockFile">The lock that guards it.</param>
/// <param name="newestVersion">The newest format that this version knows; a file without <c>version</c> counts as 1.</param>
/// <param name="maxBytes">The largest size that is read.</param>
internal sealed class JsonFile(IFileSystem files, string path, string lockFile, int newestVersion = 1, int maxBytes = 64 * 1024 * 1024)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    private static readonly JsonTreeJson Json = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>The file's content; null where there is no file. <see cref="WireReason.FileCorrupt"/>, <see cref="WireReason.FileNewerVersion"/>.</summary>
    internal JsonObject? Read()
    {
        if (files.ReadPrivate(path, maxBytes) is not { } text)
        {
            return null;
        }

        try
        {
            // The tree is read lazily: text that is not UTF-8 would show only when somebody looks at it.
            if (!Utf8.IsValid(text) || JsonNode.Parse(text, null, Strict) is not JsonObject tree)
            {
                throw new WireException(WireReason.FileCorrupt, null, path);
            }

            return Version(tree) <= newestVersion ? tree : throw new WireException(WireReason.FileNewerVersion, null, path);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new WireException(WireReason.FileCorrupt, null, path, error);
        }
    }

    /// <summary>What <paramref name="look"/> finds in the file; <see cref="WireReason.FileCorrupt"/> too where a member is of another kind than this file has there.</summary>
    internal T Get<T>(Func<JsonObject?, T> look)
    {
        var tree = Read();
        try
        {
            return look(tree);
        }
        catch (Exception error) when (error is InvalidOperationException or FormatException)
        {
            throw new WireException(WireReason.FileCorrupt, null, path, error);
        }
    }

    /// <summary>The object that stands under a name, made where there is none; never in the place of something else.</summary>
    internal static JsonObject ObjectIn(JsonObject tree, string name)
    {
        if (tree[name] is { } known)
        {
            return known.AsObject();
        }

        var made = new JsonObject();
        tree[name] = made;
        return made;
    }

    /// <summary>The array that stands under a name, made where there is none; never in the place of something else.</summary>
    internal static JsonArray ArrayIn(JsonObject tree, string name)
    {
        if (tree[name] is { } known)
        {
            return known.AsArray();
        }

        var made = new JsonArray();
        tree[name] = made;
        return made;
    }

    /// <summary>
    /// Changes the file under its lock: re-reads it, lets <paramref name="change"/> work on it, and writes it where that
    /// says true.
    /// </summary>
    internal Task UpdateAsync(Func<JsonObject, bool> change, CancellationToken cancellationToken) =>
        UpdateAsync(change, static () => Task.CompletedTask, cancellationToken);

    /// <summary>The same, with work that must be on disk before this file is written.</summary>
    internal async Task UpdateAsync(Func<JsonObject, bool> change, Func<Task> beforeWrite, CancellationToken cancellationToken)
    {
        using (await files.LockAsync(lockFile, cancellationToken).ConfigureAwait(false))
        {
            var tree = Read() ?? [];
            if (Change(tree, change))
            {
                await beforeWrite().ConfigureAwait(false);
                Write(tree);
            }
        }
    }

    /// <summary>Writes the file, for a caller that holds its lock already.</summary>
    internal void Write(JsonObject tree) => files.WritePrivate(path, JsonSerializer.SerializeToUtf8Bytes(tree, Json.JsonObject));

    private bool Change(JsonObject tree, Func<JsonObject, bool> change)
    {
        try
        {
            return change(tree);
        }
        catch (Exception error) when (error is InvalidOperationException or FormatException)
        {
            // A member is of another kind than this file has there.
            throw new WireException(WireReason.FileCorrupt, null, path, error);
        }
    }

    private static long Version(JsonObject tree) => tree["version"] is JsonValue value ? value.GetValue<long>() : 1;
}

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class JsonTreeJson : JsonSerializerContext;
